"""Answers made from a board: what leaks, what helps, and what to choose; pure functions of its rows."""
