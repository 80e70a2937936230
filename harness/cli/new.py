"""``leakboard new``: a submission to start from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import JsonOption, emit
from harness.errors import ManifestError

__all__ = ["new"]

_MANIFEST = """name = "{name}"
title = "{title}"
summary = "Adds Gaussian noise to every hidden vector that leaves the private party."
authors = ["Your Name"]
licence = "Apache-2.0"
class = "defense:{class_name}"
source = "Unpublished"
scenarios = ["split_llm"]
secret_state = false

# One to six operating points; each is a row of its own.
[[points]]
label = "scale 0.5"
parameters = {{ scale = 0.5 }}

[[points]]
label = "scale 2"
parameters = {{ scale = 2.0 }}
"""

_DEFENSE = '''"""{title}: what it does, in a sentence."""

from __future__ import annotations

from harness import Defense, Message


class {class_name}(Defense):
    """Gaussian noise of standard deviation ``scale`` on every coordinate."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def send(self, message: Message) -> Message:
        """Called for every message that leaves; noise drawn through ``self.me`` enters the ledger."""
        noisy = self.me.gaussian(message["hidden"], clip=None, scale=self.scale)
        return message.replace(hidden=noisy)
'''

_README = """# {title}

What the defense does, what it protects against, what it costs.

    leakboard check {folder}
    leakboard evaluate {folder} --suite quick
"""


def new(
    name: Annotated[str, typer.Argument(help="Name of the submission: small letters, digits and underscores.")],
    folder: Annotated[Path, typer.Option("--in", help="Where the submission's folder is made.")] = Path("submissions"),
    as_json: JsonOption = False,
) -> None:
    """Make a small working submission to start from: submission.toml, defense.py, README.md."""
    place = folder / name
    _refuse(name, place)
    words = name.split("_")
    fields = {"name": name, "title": " ".join(words).capitalize(), "folder": place.as_posix()}
    fields["class_name"] = "".join(word.capitalize() for word in words)
    place.mkdir(parents=True)
    files = {"submission.toml": _MANIFEST, "defense.py": _DEFENSE, "README.md": _README}
    for file, text in files.items():
        (place / file).write_text(text.format(**fields), encoding="utf-8")
    if as_json:
        emit("new/1", {"folder": place.absolute(), "files": sorted(files)})
        return
    typer.echo(f"made {place} with {', '.join(sorted(files))}")
    typer.echo(f"next: leakboard check {place}")


def _refuse(name: str, place: Path) -> None:
    problems = []
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        problems.append(f"{name!r} is no name: small letters, digits and underscores, a letter first")
    if place.exists():
        problems.append(f"{place} is there already")
    if problems:
        raise ManifestError("leakboard new", problems)
