"""TODO face of evaluation."""
