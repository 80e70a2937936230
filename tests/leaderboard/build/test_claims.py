"""Claims are refuted by what attacks prove against them, and by nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.store.bundles import write_bundle
from harness.store.files import Record
from harness.store.schema import CellRecord, RunRecord, Verdict
from leaderboard.build import build_board
from leaderboard.build.claims import out_of_reach, refuted_empirically
from leaderboard.build.epsilon_bounds import bound_rows
from leaderboard.queries import open_board
from tests.stand_ins.membership_cells import (
    claimed,
    informed_cell,
    membership_cell,
    responses,
    runs_claiming,
)
from tests.stand_ins.stored_results import TINY, Defended, records


def test_a_claim_is_held_against_the_attacker_it_is_about() -> None:
    labels = np.random.default_rng(0).random((80, 20)) < 0.5
    knowing, verdict = informed_cell(labels.astype(float), labels), claimed(1.0, 1e-5)
    rows = bound_rows([knowing], runs_claiming(verdict, knowing))
    assert rows[0]["delta"] == 1e-5
    [flag] = refuted_empirically([verdict], rows)
    assert flag.id == "claim_refuted" and "by knowing" in (flag.detail or "")
    assert not refuted_empirically([claimed(4.0, 1e-5)], rows)


def test_a_suite_that_could_not_refute_a_claim_says_so() -> None:
    response = membership_cell("c", *responses(2.5, 2000, np.random.default_rng(3)))
    verdict = claimed(1.0)
    rows = bound_rows([response], runs_claiming(verdict, response))
    assert out_of_reach([verdict], rows) is None
    assert out_of_reach([], rows) is None
    assert "too small" in str(out_of_reach([claimed(50.0)], rows))
    assert "about a vector" in str(out_of_reach([claimed(1.0, unit="vector")], rows))
    assert "no audit" in str(out_of_reach([claimed(1.0, view="client")], rows))
    few = membership_cell("f", *responses(9.0, 20, np.random.default_rng(3)))
    assert all(row["epsilon"] >= 0 and row["ceiling"] >= 0 for row in bound_rows([few], runs_claiming(verdict, few)))


@pytest.mark.parametrize(
    ("verdict", "flagged"),
    [
        (claimed(1.0), True),
        (claimed(1.0, 1e-6), True),
        (claimed(3.0, 1e-6), False),
        (claimed(1.0, 0.4), False),
        (claimed(1.0, unit="vector"), False),
        (claimed(1.0, adjacency="replace"), False),
        (claimed(1.0, view="client"), False),
    ],
)
def test_a_claim_below_what_is_proven_is_refuted(verdict: Verdict, flagged: bool) -> None:
    """2.5-private responses: epsilon 1 is refuted at a delta that explains nothing, never at one that explains all."""
    response = membership_cell("c", *responses(2.5, 2000, np.random.default_rng(3)))
    rows = bound_rows([response], runs_claiming(verdict, response))
    flags = refuted_empirically([verdict], rows)
    assert [flag.id for flag in flags] == ["claim_refuted"] * flagged
    if flagged:
        assert rows[0]["delta"] == verdict.delta
        assert flags[0].detail.startswith(f"refuted empirically: epsilon is at least {rows[0]['epsilon']:.3g}")


def test_a_bound_at_delta_zero_refutes_no_claim_with_a_delta() -> None:
    bound = {"attack": "a", "variant": "", "coalition": "server", "epsilon": 5.0, "delta": 0.0}
    assert refuted_empirically([claimed(1.0)], [bound])
    assert not refuted_empirically([claimed(1.0, 1e-9)], [bound])


def test_the_board_says_which_claims_are_refuted(tmp_path: Path) -> None:
    """Perfect membership guesses against two claims: the small one is refuted, the large one only unverified."""
    stored: list[Record] = []
    labels = np.random.default_rng(0).random(300) < 0.5
    for record in records((TINY[0], Defended("modest"), Defended("bold")), n=8):
        if isinstance(record, RunRecord) and record.submission != "none":
            epsilon = {"modest": 30.0, "bold": 0.5}[record.submission]
            stored.append(record.model_copy(update={"verdict": claimed(epsilon, 1e-5)}))
            continue
        if isinstance(record, CellRecord) and (record.role, record.seed) == ("attack", 0):
            lira = membership_cell(record.key, labels.astype(float), labels)
            values = {"key": f"{record.key}-lira", "name": "lira", "secret": "membership", "scores": lira.scores}
            stored.append(record.model_copy(update=values))
        stored.append(record)
    write_bundle(tmp_path / "records.jsonl.gz", stored)
    board = open_board(build_board([tmp_path], tmp_path / "board.duckdb"))
    rows: Any = board.board().set_index("submission")
    assert all("refuted empirically" in notes for notes in rows.loc["bold", "notes"])
    assert set(rows.loc["bold", "verified"]) == {"refuted"}
    assert not any("claim_refuted" in flags for name in ("none", "modest") for flags in rows.loc[name, "flags"])
    bounds = board.bounds()
    assert set(bounds["delta"]) == {0.0, 1e-5} and set(bounds.loc[bounds["submission"] == "none", "delta"]) == {0.0}
