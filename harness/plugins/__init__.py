"""TODO face of plugins."""
