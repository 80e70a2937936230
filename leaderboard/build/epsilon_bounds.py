"""Lower bounds on epsilon that attacks prove, each beside the largest value it could have shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import isclose
from types import MappingProxyType
from typing import Any

import numpy as np

from harness.scenario.membership import live_rows, rows_by_target
from harness.score.audit import EpsilonBound, disclosure_bound, tuned_one_run_audit
from harness.store import CellRecord, RunRecord
from harness.util import numpy_generator
from leaderboard.build.claims import auditable
from leaderboard.build.examples import place_of

__all__ = ["ALPHA", "COPIES", "bound_rows"]

ALPHA = 0.05
"""All audits of one submission at one operating point of an entry hold together with probability 1 - ALPHA."""
COPIES = "canary_repeats"
"""Entitlement that says how often a party holds each of its canaries."""
_FEWEST = 20
"""Canaries in the live run, below which no bound is worth a line."""

Row = dict[str, Any]


@dataclass(frozen=True)
class _Audit:
    """A test of one cell, as a function of the level that it may spend."""

    cell: CellRecord
    method: str
    copies: int
    bound: Callable[[float], EpsilonBound]
    over_seeds: bool = False


def bound_rows(cells: Iterable[CellRecord], runs: Mapping[str, RunRecord] = MappingProxyType({})) -> list[Row]:
    """Rows of ``bounds``: audits of membership cells, and disclosure tests of cells that carry their bound.

    An audit (Steinke, Nasr, Jagielski 2023, theorem 5.2) reads only the live run's canaries, each of which was in by a
    fair coin of its own. How many are guessed is chosen on one half of them, the bound is taken on the other; at the
    delta of the row's claim where it has one about records in or out, else at delta 0. Of informed attacks see
    :func:`_informed`. A disclosure test (phantoms) is at delta 0. ``ALPHA`` is split evenly over all audits of a row of
    the board, of whatever kind (Bonferroni). Where a party held each of its canaries several times (``runs``, by key,
    say so), that many records share what is proven.
    """
    wanted = [cell for cell in cells if cell.status == "ok"]
    ranked, informed = ([cell for cell in wanted if cell.role == role] for role in ("attack", "informed"))
    audits = [*_one_run(ranked, runs), *_informed(informed, runs), *_disclosures(ranked, runs)]
    shares = Counter(_place(audit.cell) for audit in audits)
    return [_row(audit, audit.bound(ALPHA / shares[_place(audit.cell)])) for audit in audits]


def _one_run(cells: Iterable[CellRecord], runs: Mapping[str, RunRecord]) -> Iterator[_Audit]:
    for cell in cells:
        scores, included = _canaries(cell)
        run = runs.get(cell.run_key)
        if len(scores) >= _FEWEST:
            bound = partial(_audited, cell.key, scores, included, _delta(run))
            yield _Audit(cell, "one-run audit", _copies(run), bound)


def _informed(cells: Iterable[CellRecord], runs: Mapping[str, RunRecord]) -> Iterator[_Audit]:
    """One canary of every run, live or shadow, of every seed.

    The theorem is about guesses made from releases alone. An informed attack makes each from the answers to all others
    besides: those of one run can be right together where nothing was released (all guess that an even number is in).
    With one canary a run, what is known there besides the release has nothing to do with that canary's coin.
    """
    groups: dict[tuple[Any, ...], list[CellRecord]] = {}
    for cell in sorted(cells, key=lambda one: (one.seed, one.key)):
        groups.setdefault((*_place(cell), cell.name, cell.variant, cell.coalition, cell.behaviour), []).append(cell)
    for group in groups.values():
        trials = [trial for cell in group for trial in _trials(cell)]
        if len(trials) >= _FEWEST:
            scores, included = (np.array(column) for column in zip(*trials, strict=True))
            run = runs.get(group[0].run_key)
            bound = partial(_audited, group[0].key, scores, included, _delta(run))
            yield _Audit(group[0], "informed audit", _copies(run), bound, over_seeds=True)


def _trials(cell: CellRecord) -> Iterator[tuple[float, bool]]:
    """Score of one canary of every target, drawn without a look at scores, and whether it was in."""
    rng = numpy_generator("trials", cell.key)
    for _, rows in sorted(rows_by_target(cell.scores).items()):
        canaries = [row for row in rows if row.get("canary")]
        if canaries:
            drawn = canaries[int(rng.integers(len(canaries)))]
            yield drawn["score"], drawn["label"] == 1


def _audited(key: str, scores: np.ndarray, included: np.ndarray, delta: float, alpha: float) -> EpsilonBound:
    return tuned_one_run_audit(scores, included, numpy_generator("audit", key), delta=delta, alpha=alpha)


def _disclosures(cells: Iterable[CellRecord], runs: Mapping[str, RunRecord]) -> Iterator[_Audit]:
    """Carried bounds are made again at their share of the level, from the counts behind them; one that does not follow
    from its cell's scores cannot be, and is left out.
    """
    for cell in cells:
        counts = _matches(cell) if "bound" in cell.facts else None
        if counts is not None:
            fact = cell.facts["bound"]
            again = disclosure_bound(*counts, alpha=fact["alpha"])
            if isclose(again.epsilon, fact["epsilon"], rel_tol=1e-6, abs_tol=1e-6):
                yield _Audit(cell, "phantoms", _copies(runs.get(cell.run_key)), partial(_disclosed, counts))


def _disclosed(counts: tuple[int, int, int, int], alpha: float) -> EpsilonBound:
    return disclosure_bound(*counts, alpha=alpha)


def _matches(cell: CellRecord) -> tuple[int, int, int, int] | None:
    """Members that match (by a positive score), others that do, members, others, of all targets; None without both."""
    values: dict[str, dict[str, float]] = {}
    for score in cell.scores:
        if score.value is not None and score.metric in ("score", "label"):
            values.setdefault(score.metric, {})[score.record] = score.value
    sides = [[v for r, v in values.get("score", {}).items() if values["label"].get(r) == side] for side in (1.0, 0.0)]
    if not all(sides):
        return None
    matched, others = (sum(value > 0 for value in side) for side in sides)
    return matched, others, len(sides[0]), len(sides[1])


def _place(cell: CellRecord) -> tuple[Any, ...]:
    return cell.suite, cell.entry, cell.submission, cell.point


def _copies(run: RunRecord | None) -> int:
    return int(run.entitlement.get(COPIES, 1)) if run else 1


def _delta(run: RunRecord | None) -> float:
    """The delta of the claim that an audit can be held against; that of a group of copies would be another."""
    claim = run.verdict if run else None
    return claim.delta if claim is not None and auditable(claim) and _copies(run) == 1 else 0.0


def _row(audit: _Audit, bound: EpsilonBound) -> Row:
    who = {"attack": audit.cell.name, "coalition": audit.cell.coalition, "method": audit.method}
    numbers = {
        "epsilon": max(0.0, bound.epsilon) / audit.copies,
        "ceiling": max(0.0, bound.ceiling) / audit.copies,
    }
    place = place_of(audit.cell) | ({"seed": None} if audit.over_seeds else {})
    return place | who | numbers | {"delta": bound.delta, "alpha": bound.alpha}


def _canaries(cell: CellRecord) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the live run's canaries, and which were in."""
    rows = [row for row in live_rows(cell.scores) if row.get("canary")]
    return np.array([row["score"] for row in rows]), np.array([row["label"] == 1 for row in rows], dtype=bool)
