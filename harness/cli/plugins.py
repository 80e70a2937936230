"""Verbs that plugin packages bring: tables ``COMMANDS`` of ``verb -> "module:function"``, found by the registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import typer

__all__ = ["add_commands"]


def add_commands(app: typer.Typer) -> list[str]:
    """Add the plugins' verbs to ``app``, which may not have them yet; returns what could not be added, in sentences.

    The modules that the tables point at are imported, so they keep what is heavy inside their functions.
    """
    from harness.plugins import registry

    plugins = registry.discover()
    taken = {command.name for command in app.registered_commands}
    problems = []
    for verb, place in plugins.targets["command"].items():
        if verb in taken:
            continue
        try:
            app.command(verb)(cast("Callable[..., Any]", registry.resolve("command", verb, place)))
        except Exception as error:  # a stranger's module may raise anything, and must not take other verbs down
            problems.append(f"verb {verb} at {place} cannot be used: {type(error).__name__}: {error}")
    return problems
