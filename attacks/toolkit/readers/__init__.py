"""Readers of a transcript, a module for each kind of message."""
