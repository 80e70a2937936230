"""The documentation does what it says: its code runs, its commands parse, its tables are of the shipped records."""

from __future__ import annotations

import builtins
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from sybil import Document
from sybil.parsers.markdown import PythonCodeBlockParser

from harness.cli.app import app
from harness.cli.plugins import add_commands
from harness.runtime import Execution, Runner

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
WITH_CODE = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_SHELL = {"", "sh", "bash", "console"}
_INLINE = re.compile(r"`(leakboard [^`]+)`")
_PLACEHOLDERS = {"KIND": "scenarios", "WHAT": "board"}
"""Words of the pages that stand for one of several choices."""


def commands() -> Iterator[tuple[str, str]]:
    """(Page, command line) of every ``leakboard`` call in blocks, indented blocks and inline code."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shell = [block for language, block in _FENCE.findall(text) if language in _SHELL]
        blocks = [line for block in shell for line in block.splitlines()]
        indented = [line.strip() for line in text.splitlines() if line.startswith("    leakboard ")]
        for line in [*blocks, *indented]:
            for part in re.split(r"&&|\|", line):
                if part.strip().startswith("leakboard "):
                    yield page.name, part.strip()
        yield from ((page.name, line) for line in _INLINE.findall(text))


def executed(page: Path) -> dict[str, Any]:
    """Names that the page's code defines, all blocks run in order in one namespace."""
    document = Document.parse(str(page), PythonCodeBlockParser())
    for example in document.examples():
        example.evaluate()
    # The parser takes them out again, and functions of the page could not import.
    document.namespace["__builtins__"] = builtins
    return document.namespace


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_code_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples" / "attack")  # a page imports its example
    executed(page)


def test_the_guide_to_scenarios_makes_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("my_scenario")
    monkeypatch.setitem(sys.modules, "my_scenario", module)
    module.__dict__.update(executed(ROOT / "docs" / "add-a-scenario.md"))
    deployment = module.small(str(tmp_path))
    with Runner(isolation="none", threads=1) as runner:
        outcome = runner.execute(deployment, Execution(None))
    assert set(outcome.predictions) == {item.id for plan in deployment.parties.values() for item in plan.items}


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())), ids=lambda value: value)
def test_commands_parse(page: str, line: str) -> None:
    add_commands(app)
    _, verb, *arguments = shlex.split(line.replace("...", "").replace("[", "").replace("]", ""))
    group: Any = typer.main.get_command(app)
    assert verb.startswith("-") or verb in group.commands, f"{page}: there is no command {verb}"
    if arguments and not verb.startswith("-") and "--help" not in arguments:
        filled = [_PLACEHOLDERS.get(argument, argument) for argument in arguments]
        group.commands[verb].make_context(verb, filled)


def test_help_loses_nothing_in_brackets() -> None:
    """Help is written in rich's markup, which takes a word in brackets for a style and drops it."""
    add_commands(app)
    group: Any = typer.main.get_command(app)
    texts = {
        f"{verb} {option.name}": option.help or ""
        for verb, command in group.commands.items()
        for option in command.params
        if hasattr(option, "help")
    }
    assert {name: text for name, text in texts.items() if "[" in text} == {}


def test_readme_is_brief() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_tables_are_of_the_shipped_records() -> None:
    spec = importlib.util.spec_from_file_location("make_findings", ROOT / "docs" / "make_findings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.check() == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if f'"{page}"' not in navigation} == set()


def test_architecture_names_every_package_of_the_harness() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = text.partition("<!-- modules: begin -->")[2].partition("<!-- modules: end -->")[0]
    packages = {folder.parent.name for folder in (ROOT / "harness").glob("*/__init__.py")}
    assert {name for name in packages if not re.search(rf"\b{name}\b", modules)} == set()


def test_architecture_names_every_module() -> None:
    """Where one is missing: ``python docs/make_modules.py``."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    missing = []
    for house in ("harness", "attacks", "scenarios", "leaderboard"):
        for package in sorted((ROOT / house).glob("*/__init__.py")):
            section = text.partition(f"### {house}/{package.parent.name}\n")[2].partition("\n### ")[0]
            names = {file.stem for file in package.parent.glob("*.py")} - {"__init__"}
            missing += [f"{package.parent.name}.{name}" for name in names if f"- `{name}`: " not in section]
    assert missing == []
