"""TODO face of adversary."""
