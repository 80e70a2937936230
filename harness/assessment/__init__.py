"""Stored cells of a suite entry turned into every score of its rows."""
