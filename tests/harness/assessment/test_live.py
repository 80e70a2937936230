"""Guesses read the wrong way round, and live runs that are unlike their shadows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.assessment.live import differences
from harness.assessment.results import Assessment, AttackResult
from harness.assessment.series import Series
from tests.stand_ins.stored_entry import StoredEntry, Values, binary, flags, membership

Draw = Callable[[np.random.Generator], Values]


def against(strength: Any, seeds: int = 3, reverse: bool = False) -> StoredEntry:
    """An attack of ``strength`` on the defended row, of 4.0 on the undefended one, over 8 targets."""
    stored = StoredEntry(seeds=seeds)
    stored.add("lira", secret="membership", draw=membership(4.0))
    draw: Draw = membership(strength) if isinstance(strength, float) else strength
    stored.add("lira", "d", secret="membership", draw=_reversed(draw) if reverse else draw)
    stored.add("blind_membership", role="blind", secret="membership", draw=membership(0.0))
    for submission in ("none", "d"):
        stored.utility(submission)
    return stored


def _reversed(draw: Draw) -> Draw:
    def turned(rng: np.random.Generator) -> Values:
        values = draw(rng)
        return values | {"score": {record: -value for record, value in values["score"].items()}}

    return turned


def privacy(row: Assessment) -> float:
    assert row.privacy is not None
    return row.privacy.value


def counting(row: Assessment) -> list[AttackResult]:
    return [attack for attack in row.attacks if attack.counts]


def test_scores_that_rank_backwards_leak_as_much() -> None:
    """Defect 9: a public rotation undone on receipt stood at 0.47 with flags alone, where nothing was hidden."""
    plain, turned = against(4.0).row("d"), against(4.0, reverse=True).row("d")
    assert privacy(turned) == pytest.approx(privacy(plain), abs=0.05) and privacy(turned) < 0.1
    assert "read_reversed" in flags(turned) and "read_reversed" not in flags(plain)
    assert [a.metric for a in counting(turned)] == [a.metric for a in counting(plain)]  # one result each


def test_attributes_guessed_backwards_leak_as_much() -> None:
    stored = StoredEntry()
    stored.add("a", secret="attribute:x", draw=binary(-0.9))
    stored.add("blind", role="blind", secret="attribute:x", draw=binary(0.0))
    assert privacy(stored.row()) < 0.05 and "read_reversed" in flags(stored.row())


def test_both_ways_make_no_leak_of_noise() -> None:
    rows = [against(0.0, seeds=s).row("d") for s in (1, 3, 5)]
    assert all(row.leakage is not None and row.leakage.low <= 0.05 and privacy(row) > 0.85 for row in rows)
    assert not any("read_reversed" in flags(row) for row in rows)


def only_in(shadows: float, live: float) -> Draw:
    """Membership scores of one strength on shadows and of another on the live run."""

    def draw(rng: np.random.Generator) -> Values:
        state = rng.bit_generator.state
        others: Values = membership(shadows)(rng)
        rng.bit_generator.state = state
        own = membership(live)(rng)
        scores = {r: own["score"][r] if r.startswith("0:") else v for r, v in others["score"].items()}
        return others | {"score": scores}

    return draw


def test_noise_in_shadows_alone_gains_nothing() -> None:
    """Defect 1: noise in shadow runs alone took prototypes from 0.29 to 0.73, with the live messages unchanged."""
    row = against(only_in(0.3, 4.0)).row("d")
    assert "live_unlike_shadows" in flags(row) and privacy(row) < 0.25
    assert {a.metric for a in counting(row)} == {
        "membership (canaries, live run alone) TPR at 10 % FPR",
        "membership (average, live run alone) TPR at 10 % FPR",
    }


def test_a_live_run_like_its_shadows_is_pooled_with_them_and_shown_beside() -> None:
    row = against(1.0).row("d")
    assert "live_unlike_shadows" not in flags(row)
    assert all("live" not in a.metric for a in counting(row))
    shown = {a.metric for a in row.attacks if not a.counts}
    assert {"membership (canaries) AUC", "membership (canaries, live run alone) AUC"} <= shown


def test_undefended_shadows_unlike_the_live_run_void_the_entry_for_all() -> None:
    """Defect 2: shadows drawn otherwise than the live run were pooled with it."""
    stored = against(1.0)
    stored.cells = [cell for cell in stored.cells if (cell.name, cell.submission) != ("lira", "none")]
    stored.add("lira", secret="membership", draw=only_in(4.0, 0.5))
    assert all("shadows_void" in flags(stored.row(name)) for name in ("none", "d"))


def test_alike_runs_are_hardly_ever_told_apart() -> None:
    """Joint level 1 %."""
    alarms = 0
    for run in range(100):
        values = membership(1.5, 40, 9)(np.random.default_rng(run))
        scores = {metric: {0: rows} for metric, rows in values.items()}
        alarms += bool(
            differences([Series("lira", "", "membership", "server", "attack", "honest", scores, "ok", None)])
        )
    assert alarms <= 4
