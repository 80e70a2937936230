"""``leakboard show``: everything about one thing that has a name."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import indent
from typing import Annotated, Any

import typer

from harness.cli.common import JsonOption, console, emit, shown

__all__ = ["show"]


def show(
    name: Annotated[str, typer.Argument(help="Name of a scenario, attack, submission, suite or model.")],
    as_json: JsonOption = False,
) -> None:
    """Show what something does, its threat model, its source and its parameters."""
    from harness.cli import catalogue
    from harness.plugins import registry

    owners: dict[str, list[str]] = {}
    for kind in catalogue.KINDS:
        for known in catalogue.names(kind):
            owners.setdefault(known, []).append(kind)
    kinds = registry.look_up(owners, "scenario, attack, submission, suite or model", name)
    cards = [catalogue.card(kind, name) for kind in kinds]
    if as_json:
        emit("show/1", {"items": cards})
        return
    for card in cards:
        _print(card)


def _print(card: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for field, value in card.items():
        grid.add_row(field.replace("_", " "), Text(_lines(value)))
    console().print(grid)


def _lines(value: Any) -> str:
    """An outline: one line per item, nested ones indented; what is empty is left out."""
    if _flat(value):
        return shown(value)
    if isinstance(value, Mapping):
        return "\n".join(_item(name, item) for name, item in value.items() if item not in (None, "", [], {}))
    return "\n".join("- " + indent(_lines(item), "  ").lstrip() for item in value)


def _item(name: str, value: Any) -> str:
    if not _flat(value):
        return f"{name}:\n{indent(_lines(value), '  ')}"
    # Quotes where spaces and line ends would be lost.
    plain = not isinstance(value, str) or value == " ".join(value.split())
    return f"{name}: {shown(value) if plain else repr(value)}"


def _flat(value: Any) -> bool:
    if isinstance(value, list):
        return not any(isinstance(item, Mapping | list) for item in value)
    return not isinstance(value, Mapping)
