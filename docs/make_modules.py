"""The module lists of docs/architecture.md, made of the first sentence of every module's docstring.

``python docs/make_modules.py`` writes them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: begin -->", "<!-- rooms: end -->"
HOUSES = ("harness", "attacks", "scenarios", "leaderboard")


def main() -> None:
    """Write the lists into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    lists = "\n\n".join(section(house) for house in HOUSES)
    PAGE.write_text(f"{before}{BEGIN}\n\n{lists}\n\n{END}{after}", encoding="utf-8")


def section(house: str) -> str:
    """A heading for a house, then a list of modules for each of its packages."""
    folders = [ROOT / house, *sorted(file.parent for file in (ROOT / house).glob("*/__init__.py"))]
    return f"## Modules of `{house}/`\n\n" + "\n\n".join(filter(None, map(package, folders)))


def package(folder: Path) -> str:
    """One package: its own sentence, then a line for each module; empty where there is no module."""
    lines = list(modules(folder))
    name = folder.relative_to(ROOT).as_posix()
    if not lines:
        return ""
    return "\n".join([f"### {name}", "", sentence(folder / "__init__.py"), "", *lines])


def modules(folder: Path) -> Iterator[str]:
    """A line for each module of a package, and for each package inside a package of a house."""
    inside = folder.parent != ROOT
    files = [f for f in folder.glob("*.py") if f.name != "__init__.py"]
    files += folder.glob("*/__init__.py") if inside else []
    for file in sorted(files, key=lambda f: named(f, folder)):
        yield f"- `{named(file, folder)}`: {sentence(file)}"


def named(file: Path, folder: Path) -> str:
    """Name of a module or, with a slash, of a package."""
    return f"{file.parent.relative_to(folder)}/" if file.name == "__init__.py" else file.stem


def sentence(file: Path) -> str:
    """First sentence of a module's docstring, in one line, without the marks of reStructuredText."""
    text = " ".join((ast.get_docstring(ast.parse(file.read_bytes())) or "").split("\n\n")[0].split())
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")
    return re.split(r"(?<=[a-z)`\]])\. (?=[A-Z`])", text)[0].rstrip(".") + "."


if __name__ == "__main__":
    main()
