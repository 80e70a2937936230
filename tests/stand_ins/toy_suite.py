"""A suite of one entry on a tiny random model: seconds for a whole evaluation."""

from __future__ import annotations

from pathlib import Path

from harness.scenario.toy import toy_model

__all__ = ["write_toy_suite"]

SUITE = """
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
max_tokens = 10
new_tokens = 2
records = 12
auxiliary = 12
public = 4
known = 2

[[entries.attacks]]
name = "blind_tokens"

[[entries.attacks]]
name = "nearest_token"
"""


def write_toy_suite(path: Path, models: Path, data: Path) -> Path:
    """Write the suite of the file's name, with a toy model in ``models`` and the records of a data file."""
    path.write_text(SUITE.format(name=path.stem, model=toy_model(models), data=data))
    return path
