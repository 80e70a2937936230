"""Measurements: ratios to what cannot be avoided, printed."""
