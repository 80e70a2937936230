"""Widgets that several pages share, and parts of pages that are too long for one script."""
