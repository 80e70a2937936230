"""TODO face of scenario."""
