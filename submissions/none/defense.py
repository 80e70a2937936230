"""No defense."""

from __future__ import annotations

from harness import Defense


class Undefended(Defense):
    """Every hook does nothing."""
