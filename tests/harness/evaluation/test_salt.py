"""Plans of runs: all have the inputs of the live run, and the salt enters every draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.evaluation.plan import CellPlan, plan_cells
from harness.plugins.submission import Submission
from harness.plugins.suite import load_suite
from harness.runtime.execution import Execution
from harness.runtime.worker_spec import worker_spec
from harness.util.seeds import PUBLIC_SALT, derive, secret_axis
from tests.stand_ins.toy_suite import toy_suite


def cells(toy_folder: Path, toy_csv: Path, none: Submission, salt: str) -> list[CellPlan]:
    from harness.scenario.toy import toy_model

    path = toy_folder / "salted.toml"
    path.write_text(
        toy_suite("salted", toy_model(str(toy_folder)), toy_csv, records=8, known=None, attacks=["blind_tokens"])
    )
    return list(plan_cells(load_suite(path), none, none, (0,), "none", salt))


def first(toy_folder: Path, toy_csv: Path, none: Submission, salt: str) -> CellPlan:
    return cells(toy_folder, toy_csv, none, salt)[0]


def test_texts_order_and_attacks_draw_from_the_salt(
    toy_folder: Path, toy_csv: Path, submission: Callable[..., Submission]
) -> None:
    """Texts of a live run followed from public seeds alone, so a submission could know them beforehand."""
    none = submission("class Plugin(Defense): pass\n", "none")
    public, again, sealed, other = (
        first(toy_folder, toy_csv, none, salt).run for salt in (PUBLIC_SALT, PUBLIC_SALT, "sealed", "other")
    )
    texts = [[item.text for item in run.deployment.parties["data_party"].items] for run in (public, sealed, other)]
    assert texts[0] == [item.text for item in again.deployment.parties["data_party"].items]
    assert len({frozenset(some) for some in texts}) == 3
    assert len({run.seed_axes for run in (public, sealed, other)}) == 3
    assert public.key == again.key
    assert len({public.key, sealed.key, other.key}) == 3


def test_neither_salt_nor_axes_reach_a_worker(
    toy_folder: Path, toy_csv: Path, submission: Callable[..., Submission], tmp_path: Path
) -> None:
    """A worker was told the salt and the axes of its seeds, which name the purpose of a run."""
    none = submission("class Plugin(Defense): pass\n", "none")
    run = first(toy_folder, toy_csv, none, "a sealed salt").run
    (tmp_path / "worker").mkdir()
    task = Execution(none, noise=("simulation", "purpose"), draw=("shadow", 3), paired=True)
    spec = str(worker_spec(run.deployment, task, 1, "a sealed salt", tmp_path / "worker"))
    named = ("a sealed salt", "simulation", "purpose", "shadow", "paired", "'salt'", str(secret_axis("a sealed salt")))
    assert [word for word in named if word in spec] == []
    assert secret_axis("a") != secret_axis("b") != derive("draws")


def test_a_knock_out_run_has_all_inputs_of_the_live_run(
    toy_folder: Path, toy_csv: Path, submission: Callable[..., Submission]
) -> None:
    """It had at most six, so that a spam list that answers itself beyond six inputs was first on the board."""
    none = submission("class Plugin(Defense): pass\n", "none")
    planned = {cell.run.execution.behaviour: cell.run for cell in cells(toy_folder, toy_csv, none, PUBLIC_SALT)}
    items = {name: run.deployment.parties["data_party"].items for name, run in planned.items()}
    assert items["knockout"] == items["honest"] and len(items["honest"]) == 8
