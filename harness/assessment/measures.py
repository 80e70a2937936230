"""From stored series to comparable scores: each kind of secret has its metrics, one of them or more that count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from harness import score
from harness.assessment.flags import Flag
from harness.assessment.series import Ledger, Series
from harness.scenario.aggregate import AGGREGATE, DISTRIBUTIONS
from harness.score.statistic import Statistic

__all__ = [
    "LOWER_IS_BETTER",
    "PINNED_FPR",
    "TEXT_METRICS",
    "UNRANKED_SECRETS",
    "Panelled",
    "attack_title",
    "clusters",
    "is_aggregate",
    "panelled",
    "shared_seeds",
    "usable",
]

TEXT_METRICS = ("content_token_accuracy", "content_token_f1", "exact_match", "pii_span_recall")
"""Text leaks as much as the largest of these; bags count only where no positions are sent."""

LOWER_IS_BETTER = frozenset({"tv", "js", "absolute_error"})
"""Stored metrics of which a smaller value is the better guess (distances, errors); of all
others a larger one is."""

UNRANKED_SECRETS = frozenset({"attribute:planted"})
"""Secrets that are measured and shown but do not count."""

PINNED_FPR = 0.01
"""False-positive rate of membership unless the entry's entitlement has another ``fpr``."""

FALSE_POSITIVE_RATES = (0.001, 0.01, 0.1)
"""Rates at which membership is told; each only from 10 / rate non-member scores on (10 for the last)."""


@dataclass(frozen=True)
class Panelled:
    """One attack variant on one metric; ``counts`` where it can set the leakage (or the aggregate leakage)."""

    series: Series
    scores: score.AttackScores
    counts: bool
    flags: tuple[Flag, ...] = ()


def is_aggregate(secret: str) -> bool:
    """Whether a secret is about all records of a party."""
    return _kind(secret) in AGGREGATE


def attack_title(series: Series) -> str:
    """Attack, variant, and what is not the usual: a coalition other than the server, a behaviour."""
    coalition = f"@{series.coalition}" if series.coalition not in ("", "server") else ""
    behaviour = f"[{series.behaviour}]" if series.behaviour != "honest" else ""
    return " ".join(part for part in (series.name, series.variant, coalition, behaviour) if part)


def clusters(entries: Sequence[score.AttackScores]) -> dict[str, str] | None:
    """Record -> cluster: scores of one membership candidate over all targets stand or fall together."""
    found: dict[str, str] = {}
    for entry in entries:
        member = entry.metric.startswith("membership")
        for rows in entry.values.values():
            found |= {record: record.partition(":")[2] if member else record for record in rows}
    return found if any(entry.metric.startswith("membership") for entry in entries) else None


def panelled(cells: Sequence[Series], fpr: float) -> list[Panelled]:
    """Every (attack variant, metric); metrics that no record defines are left out.

    ``fpr`` is the suite's pinned false-positive rate; where too few non-members were scored for it, the next larger
    one counts and is flagged.
    """
    return [entry for cell in cells if cell.status == "ok" for entry in _entries(cell, fpr) if _defined(entry.scores)]


def _entries(cell: Series, fpr: float) -> Iterator[Panelled]:
    kind, counts = _kind(cell.secret), cell.secret not in UNRANKED_SECRETS
    title = attack_title(cell)
    if kind == "membership":
        yield from _membership(cell, title, fpr)
    elif kind in DISTRIBUTIONS:
        closeness = {s: {r: 1.0 - v for r, v in rows.items()} for s, rows in cell.values("tv").items()}
        yield Panelled(
            cell, score.AttackScores(title, f"{cell.secret} closeness (1 - total variation)", closeness), True
        )
    elif kind == "count":
        yield Panelled(cell, score.AttackScores(title, f"{cell.secret} exact", cell.values("exact")), True)
    elif cell.values("label"):
        right, labels = cell.attribute_hits()
        balanced = score.BalancedAccuracy()
        metric = f"{cell.secret} balanced accuracy"
        yield Panelled(cell, score.AttackScores(title, metric, right, balanced, labels), counts)
        area = score.AttackScores(title, f"{cell.secret} AUC", cell.values("score"), score.Auc(), labels)
        yield Panelled(cell, area, False)
    else:
        of = "" if kind == "text" else f"{cell.secret} "
        for metric in TEXT_METRICS:
            yield Panelled(cell, score.AttackScores(title, f"{of}{metric}", cell.values(metric)), counts)


def _membership(cell: Series, title: str, fpr: float) -> Iterator[Panelled]:
    canary = cell.values("canary")
    for group, wanted in (("canaries", 1.0), ("average", 0.0)):
        part = {
            metric: {
                seed: {r: v for r, v in rows.items() if canary.get(seed, {}).get(r, 0.0) == wanted}
                for seed, rows in cell.values(metric).items()
            }
            for metric in ("score", "label")
        }
        labels = {seed: {r: int(v) for r, v in rows.items()} for seed, rows in part["label"].items()}
        outsiders = sum(label == 0 for rows in labels.values() for label in rows.values())
        if outsiders and all(rows for rows in labels.values()):
            told, pinned = _rates(outsiders, fpr)
            few = f"{outsiders:,} non-member scores carry {100 * pinned:g} % FPR, not the asked {100 * fpr:g} %"
            flags = (Flag("few_nonmembers", f"{group}: {few}"),) if pinned != fpr else ()
            for metric, statistic, counts in _statistics(told, pinned):
                scores = score.AttackScores(title, f"membership ({group}) {metric}", part["score"], statistic, labels)
                yield Panelled(cell, scores, counts, flags if counts else ())


def _rates(outsiders: int, fpr: float) -> tuple[list[float], float]:
    """The false-positive rates that so many non-member scores support, and the one that counts."""
    told = [rate for rate in sorted({*FALSE_POSITIVE_RATES, fpr}) if outsiders >= ceil(10 / rate - 1e-9) or rate >= 0.1]
    return told, min((rate for rate in told if rate >= fpr), default=max(told))


def _statistics(told: Sequence[float], pinned: float) -> Iterator[tuple[str, Statistic, bool]]:
    """AUC, and the true-positive rates at what is told; the pinned one counts."""
    yield "AUC", score.Auc(), False
    for rate in told:
        yield f"TPR at {100 * rate:g} % FPR", score.TprAtFpr(rate), rate == pinned


def _kind(secret: str) -> str:
    return secret.partition(":")[0]


def _defined(scores: score.AttackScores) -> bool:
    return any(value == value for rows in scores.values.values() for value in rows.values())


def usable(
    ledger: Ledger, runs: Sequence[Mapping[str, Any]], series: Sequence[Series]
) -> tuple[list[tuple[Panelled, bool]], bool]:
    """(entry, whether it is blind) of every metric that has both attacks and blind attacks, on shared seeds; and
    whether attacks differ in their seeds."""
    fpr = float(ledger.entitlement(runs).get("fpr", PINNED_FPR))
    attacks = panelled(series, fpr)
    blinds = panelled([c for c in ledger.cells("none", 0, role="blind") if c.secret], fpr)
    metrics = {a.scores.metric for a in attacks} & {b.scores.metric for b in blinds}
    kept = [entry for entry in (*attacks, *blinds) if entry.scores.metric in metrics]
    shared, partial = shared_seeds(kept)
    return [(entry, entry.series.role == "blind") for entry in shared], partial


def shared_seeds(entries: Sequence[Panelled]) -> tuple[list[Panelled], bool]:
    """The entries on the seeds that all of them have, and whether attacks differ in theirs."""
    every = [set(entry.scores.values) for entry in entries]
    common = set.intersection(*every) if every else set()
    attacks = {frozenset(e.scores.values) for e in entries if e.series.role == "attack"}
    return [replace(entry, scores=_on(entry.scores, common)) for entry in entries if common], len(attacks) > 1


def _on(scores: score.AttackScores, seeds: set[int]) -> score.AttackScores:
    values = {seed: rows for seed, rows in scores.values.items() if seed in seeds}
    labels = {seed: rows for seed, rows in (scores.labels or {}).items() if seed in seeds}
    return replace(scores, values=values, labels=None if scores.labels is None else labels)
