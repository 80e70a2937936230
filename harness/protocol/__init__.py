"""TODO face of protocol."""
