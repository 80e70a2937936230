"""TODO face of assessment."""
