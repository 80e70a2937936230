"""Suites of one small entry of split_llm on the toy model, as the text of their files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.scenario.toy import toy_model

__all__ = ["toy_suite", "write_toy_suite"]

_SUITE = """
name = "{name}"
version = 1
title = "toy"
indicative = true
threads = 1

[[entries]]
name = "generation"
scenario = "split_llm"
seeds = [0]

[entries.settings]
model = "{model}"
data = "{data}"
task = "generation"
topology = "head-body-tail"
tail_blocks = 1
cut = 1
max_tokens = {tokens}
new_tokens = 2
records = {records}
auxiliary = {records}
public = 4
"""


def toy_suite(
    name: str,
    model: Path | str,
    data: Path,
    *,
    records: int = 12,
    tokens: int = 10,
    known: int | None = 2,
    attacks: Sequence[str] = ("blind_tokens", "nearest_token"),
) -> str:
    """A suite's file. ``attacks``: names, each with more lines of its table behind it if need be."""
    text = _SUITE.format(name=name, model=model, data=data, records=records, tokens=tokens)
    if known is not None:
        text += f"known = {known}\n"
    for attack in attacks:
        own, _, more = attack.partition("\n")
        text += f'\n[[entries.attacks]]\nname = "{own}"\n{more}\n'
    return text


def write_toy_suite(path: Path, models: Path, data: Path) -> Path:
    """Write the suite of the file's name, with a toy model in ``models`` and the records of a data file."""
    path.write_text(toy_suite(path.stem, toy_model(models), data))
    return path
