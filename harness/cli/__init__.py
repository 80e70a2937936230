"""The ``leakboard`` command: one thin file per verb; everything heavy is imported by the verb that needs it."""

from harness.cli.app import main

__all__ = ["main"]
