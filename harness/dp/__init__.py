"""TODO face of dp."""
