"""``leakboard environment``: the lock of package versions under which records are made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.common import JsonOption, emit, say

__all__ = ["environment"]

environment = typer.Typer(
    name="environment", help="Write down the versions of all packages, or check them.", no_args_is_help=True
)

_Lock = Annotated[Path, typer.Argument(help="The lock, as requirements of pip.")]


@environment.command("lock")
def lock(file: _Lock = Path("requirements.lock"), as_json: JsonOption = False) -> None:
    """Write the versions of all installed packages to a file that `pip install -r` reads."""
    from harness.integrity.locks import write_lock

    packages = write_lock(file)
    if as_json:
        emit("environment/1", {"lock": file.absolute(), "packages": packages, "problems": [], "notes": []})
        return
    say(f"{file}: {len(packages)} packages")


@environment.command("check")
def check(file: _Lock = Path("requirements.lock"), as_json: JsonOption = False) -> None:
    """Hold this environment against a lock; exit code 1 where a package that can change numbers differs."""
    import platform

    from harness.integrity.locks import installed, lock_problems, read_lock

    here = installed() | {"python": platform.python_version()}
    locked = read_lock(file)
    problems, notes = lock_problems(locked, here)
    if as_json:
        emit("environment/1", {"lock": file.absolute(), "packages": locked, "problems": problems, "notes": notes})
    else:
        say(f"{file}: {len(problems) or 'no'} differences that can change numbers, {len(notes)} others")
        for line in problems:
            say(f"  - {line}")
        for line in notes:
            say(f"  ({line})")
    if problems:
        raise typer.Exit(1)
