"""``leakboard check``: the contract check of a defense, an attack or a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.common import JsonOption, emit, say
from harness.cli.evaluate import ISOLATION, Isolation

if TYPE_CHECKING:
    from harness.evaluation.trial import Checked

__all__ = ["check"]


def check(
    name: Annotated[str, typer.Argument(help="Folder of a submission, or the name of one, of an attack, a scenario.")],
    isolation: Annotated[Isolation, typer.Option(help=ISOLATION)] = Isolation.process,
    as_json: JsonOption = False,
) -> None:
    """Check a submission, an attack or a scenario on tiny random models; reports all problems.

    Exit code 1 when there are problems.
    """
    kind, checked = _checked(name, isolation.value)
    if as_json:
        emit("check/2", {"name": name, "kind": kind, "problems": checked.problems, "notes": checked.notes})
    else:
        say(f"{name}: {len(checked.problems) or 'no'} problem{'s' if len(checked.problems) != 1 else ''}")
        for problem in checked.problems:
            say(f"  - {problem}")
        for note in checked.notes:
            say(f"  ({note})")
    if checked.problems:
        raise typer.Exit(1)


def _checked(name: str, isolation: str) -> tuple[str, Checked]:
    """Kind of what has that name, and its check. A folder is checked even where it lacks its manifest: that is then
    the problem to report."""
    from harness.evaluation.trial import Checked
    from harness.plugins import registry

    submissions = registry.submissions()
    path = Path(name)
    if path.is_dir() or path.name == "submission.toml" or name in submissions:
        from harness.evaluation.contract_check import check_submission

        folder = path if path.is_dir() else registry.find_submission(name)
        return "submission", Checked(tuple(check_submission(folder, isolation)))
    plugins = registry.discover()
    if name in plugins.targets["attack"]:
        from harness.evaluation.attack_check import check_attack

        return "attack", check_attack(name)
    if name in plugins.targets["scenario"]:
        from harness.evaluation.scenario_check import check_scenario

        return "scenario", check_scenario(name, isolation)
    known = {**submissions, **plugins.targets["attack"], **plugins.targets["scenario"]}
    registry.look_up(known, "submission, attack or scenario", name, plugins.problems)
    raise AssertionError(name)  # it is none of them
