"""Leakage by the number of records behind a release, on scores whose strata are known."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.assessment.assess import assess_entry
from harness.store.bundles import write_bundle
from harness.store.schema import CellRecord, RunRecord, Score
from leaderboard.build import build_board
from leaderboard.build.strata import STRATA, strata_rows, stratum
from leaderboard.export import Request, render
from leaderboard.queries import open_board
from leaderboard.records import Collected
from tests.stand_ins.stored_results import TINY, records

SIZES = {"1": 1, "2-3": 2, "4-10": 10, "more": 60}


def test_strata_end_at_1_3_and_10() -> None:
    assert [stratum(n) for n in (1, 2, 3, 4, 10, 11)] == [STRATA[i] for i in (0, 1, 1, 2, 2, 3)]


def membership(role: str, name: str, separated: float, cell: CellRecord, absent: int = 0) -> CellRecord:
    """40 candidates a stratum in the live run; in the first stratum members score ``separated`` higher. One more
    candidate is of a class that nobody sent, and a shadow run has no counts."""
    rng = np.random.default_rng(0 if role == "blind" else 1)
    rows: list[tuple[str, float, float, float]] = []
    for size, count in SIZES.items():
        for i in range(40):
            label = float(i % 2)
            score = float(rng.normal()) + separated * label * (size == "1")
            rows.append((f"{size}/{i}", score, label, count))
    rows.append(("absent", 99.0, 1.0, absent))
    live: list[tuple[str, dict[str, float]]] = [
        (f"0:{record}", {"score": score, "label": label, "canary": 1.0, "count": count})
        for record, score, label, count in rows
    ]
    shadow = [(f"1:{record}", {"score": -score, "label": label, "canary": 1.0}) for record, score, label, _ in rows]
    scores = tuple(
        Score(record=record, metric=metric, value=value)
        for record, values in [*live, *shadow]
        for metric, value in values.items()
    )
    changes: dict[str, Any] = {"role": role, "name": name, "secret": "membership", "scores": scores, "key": name}
    return cell.model_copy(update=changes)


def collected(absent: int = 0) -> Collected:
    gathered = Collected()
    plain = list(records(TINY[:1], entries=("skills-cut0",)))
    run = next(r for r in plain if isinstance(r, RunRecord) and r.seed == 0 and r.behaviour == "honest")
    cell = next(r for r in plain if isinstance(r, CellRecord) and r.role == "attack" and r.run_key == run.key)
    gathered.runs[run.key] = run
    for role, name, separated in (("attack", "keen", 9.0), ("blind", "guess", 0.0)):
        gathered.cells[name] = membership(role, name, separated, cell, absent)
    return gathered


def strata(gathered: Collected) -> list[dict[str, Any]]:
    [entry] = gathered.entries()
    return strata_rows(assess_entry(entry, None))


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return strata(collected())


def test_only_the_stratum_that_leaks_is_told_to_leak(rows: list[dict[str, Any]]) -> None:
    areas = {row["stratum"]: row for row in rows if row["metric"].endswith("AUC")}
    assert set(areas) == set(STRATA) and all(row["n"] == 40 for row in areas.values())
    assert areas["1"]["value"] == 1.0 and areas["1"]["value_low"] > 0.8
    for name in ("2-3", "4-10", "more"):
        assert 0.2 < areas[name]["value"] < 0.8
        assert areas[name]["value_low"] < 0.5 < areas[name]["value_high"]


def test_records_behind_no_release_and_shadow_runs_are_in_no_stratum(rows: list[dict[str, Any]]) -> None:
    assert {row["metric"] for row in rows} == {"membership (canaries) AUC"}
    assert sum(row["n"] for row in rows) == 4 * 40


def test_a_candidate_counts_itself() -> None:
    """A scenario that counts the others and the candidate itself has every candidate in a stratum, in or out."""
    areas = {row["stratum"]: row for row in strata(collected(absent=1))}
    assert [areas[name]["n"] for name in STRATA] == [41, 40, 40, 40]
    assert all(row["value"] is not None for row in areas.values())


@pytest.mark.parametrize("form", ["csv", "latex", "markdown", "html"])
def test_strata_can_be_exported(tmp_path: Path, rows: list[dict[str, Any]], form: str) -> None:
    gathered = collected()
    write_bundle(tmp_path / "records.jsonl.gz", gathered.all())
    board = open_board(build_board([tmp_path], tmp_path / "board.duckdb"))
    text = render(board, Request("strata", form, date="2026-01-02", intervals="none")).decode()
    for row in rows:
        assert row["stratum"] in text.replace("--", "-")
    if form == "csv":
        table = pd.read_csv(io.StringIO(text), comment="#")
        assert table["stratum"].tolist() == list(STRATA)
        assert table["value"].tolist() == [row["value"] for row in rows]
        assert render(board, Request("strata", "csv", date="2026-01-02", scenario=("split_llm",))).count(b"keen") == 4
