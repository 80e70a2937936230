"""TODO face of util."""
