"""TODO face of wire."""
