"""Comparable scores of stored series: each kind of secret has its metrics, one of them or more that count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TypedDict

from harness import score
from harness.assessment.flags import Flag
from harness.assessment.results import EntryResults, RowResults
from harness.assessment.series import Series
from harness.scenario.aggregate import AGGREGATE, DISTRIBUTIONS
from harness.score.rules import PINNED_FPR
from harness.score.statistic import Statistic

__all__ = [
    "LIVE_ALONE",
    "LOWER_IS_BETTER",
    "TEXT_METRICS",
    "UNRANKED_SECRETS",
    "Measure",
    "Ways",
    "attack_title",
    "comparable",
    "is_aggregate",
    "measures",
    "shared_seeds",
    "ways",
]

TEXT_METRICS = ("content_token_accuracy", "content_token_f1", "exact_match", "pii_span_recall")
"""Text leaks as much as the largest of these; bags count only where no positions are sent."""

LOWER_IS_BETTER = frozenset({"tv", "js", "absolute_error"})
"""Stored metrics of which a smaller value is the better guess (distances and errors); of all others a larger one is."""

LIVE = "0"
"""The target among those of a membership attack that is the live run; all others are shadows."""

LIVE_ALONE = "live run alone"
"""Part of the names of membership metrics that leave out shadows."""

UNRANKED_SECRETS = frozenset({"attribute:planted"})
"""Secrets that are measured and shown but do not count."""

FALSE_POSITIVE_RATES = (0.001, 0.01, 0.1)
"""Rates at which membership is reported; each only from 10 / rate non-member scores on (10 for the last)."""


@dataclass(frozen=True)
class Measure:
    """One attack variant on one metric; ``counts`` where it can set the leakage (or the aggregate leakage)."""

    series: Series
    scores: score.AttackScores
    counts: bool
    flags: tuple[Flag, ...] = ()
    turned: bool = False
    """The guesses read the wrong way round: who points away from the secret knows it, too."""

    @property
    def blind(self) -> bool:
        """True of a guess without a transcript."""
        return self.series.role == "blind"

    @property
    def title(self) -> tuple[str, str]:
        """Name and metric, unique among the attacks of a row and among its blind guesses."""
        return self.scores.name, self.scores.metric

    @property
    def aggregate(self) -> bool:
        """True where the secret is about all records of a party."""
        return is_aggregate(self.series.secret)


def is_aggregate(secret: str) -> bool:
    """True of a secret about all records of a party."""
    return _kind(secret) in AGGREGATE


def attack_title(series: Series) -> str:
    """Attack, variant, and what is not the usual: a coalition other than the server, a behaviour."""
    coalition = f"@{series.coalition}" if series.coalition not in ("", "server") else ""
    behaviour = f"[{series.behaviour}]" if series.behaviour != "honest" else ""
    return " ".join(part for part in (series.name, series.variant, coalition, behaviour) if part)


class Ways(TypedDict):
    """Record -> its cluster within a seed, and of membership its cluster in a second way: its target."""

    clusters: dict[str, str]
    targets: dict[str, str]


def ways(entries: Sequence[score.AttackScores]) -> Ways:
    """The ways in which records go together: scores of one membership candidate, and those against one target."""
    known = Ways(clusters={}, targets={})
    for entry in entries:
        for rows in entry.values.values():
            for record in rows:
                target, _, candidate = record.partition(":") if entry.metric.startswith("membership") else ("", "", "")
                known["clusters"][record] = candidate or record
                if candidate:
                    known["targets"][record] = target
    return known


def measures(series: Sequence[Series], fpr: float, pooled: bool = True) -> list[Measure]:
    """Every (attack variant, metric); metrics that no record defines are left out.

    ``fpr`` is the suite's pinned false-positive rate; where too few non-members were scored for it, the next larger
    one counts and is flagged. Membership counts over the live run and all shadows, or where it is not ``pooled`` on
    the live run alone; both are shown. What tells two classes apart counts both ways, as it is and ``turned``.
    """
    usable = (part for part in series if part.status == "ok")
    every = (measure for part in usable for measure in _measures(part, fpr, pooled) if _defined(measure.scores))
    return [way for measure in every for way in ([measure, _turned(measure)] if _has_sides(measure) else [measure])]


def _has_sides(measure: Measure) -> bool:
    return measure.counts and measure.scores.statistic.labelled


def _turned(measure: Measure) -> Measure:
    """The same guesses read the wrong way round: scores negated, hits taken for misses."""
    scores = measure.scores
    top = 1.0 if scores.statistic.bounded else 0.0
    values = {seed: {record: top - value for record, value in rows.items()} for seed, rows in scores.values.items()}
    return replace(measure, scores=replace(scores, name=f"{scores.name} reversed", values=values), turned=True)


def _measures(series: Series, fpr: float, pooled: bool) -> Iterator[Measure]:
    kind, counts = _kind(series.secret), series.secret not in UNRANKED_SECRETS
    title = attack_title(series)
    if kind == "membership":
        yield from _membership(series, title, fpr, pooled)
    elif kind in DISTRIBUTIONS:
        closeness = {s: {r: 1.0 - v for r, v in rows.items()} for s, rows in series.values("tv").items()}
        yield Measure(
            series, score.AttackScores(title, f"{series.secret} closeness (1 - total variation)", closeness), True
        )
    elif kind == "count":
        yield Measure(series, score.AttackScores(title, f"{series.secret} exact", series.values("exact")), True)
    elif series.values("label"):
        right, labels = series.attribute_hits()
        balanced = score.BalancedAccuracy()
        metric = f"{series.secret} balanced accuracy"
        yield Measure(series, score.AttackScores(title, metric, right, balanced, labels), counts)
        area = score.AttackScores(title, f"{series.secret} AUC", series.values("score"), score.Auc(), labels)
        yield Measure(series, area, False)
    else:
        of = "" if kind == "text" else f"{series.secret} "
        for metric in TEXT_METRICS:
            yield Measure(series, score.AttackScores(title, f"{of}{metric}", series.values(metric)), counts)


def _membership(series: Series, title: str, fpr: float, pooled: bool) -> Iterator[Measure]:
    """Rates over all targets and, where there are shadows among them, on the live run alone."""
    rows_of = series.values("score").values()
    shadows = any(record.partition(":")[0] != LIVE for rows in rows_of for record in rows)
    yield from _rates_of(series, title, fpr, counts=pooled or not shadows)
    if shadows:
        yield from _rates_of(series, title, fpr, counts=not pooled, live=True)


def _rates_of(series: Series, title: str, fpr: float, *, counts: bool, live: bool = False) -> Iterator[Measure]:
    canary = series.values("canary")
    for group, wanted in (("canaries", 1.0), ("average", 0.0)):
        part = {
            metric: {
                seed: {
                    r: v
                    for r, v in rows.items()
                    if canary.get(seed, {}).get(r, 0.0) == wanted and (not live or r.partition(":")[0] == LIVE)
                }
                for seed, rows in series.values(metric).items()
            }
            for metric in ("score", "label")
        }
        labels = {seed: {r: int(v) for r, v in rows.items()} for seed, rows in part["label"].items()}
        outsiders = sum(label == 0 for rows in labels.values() for label in rows.values())
        if outsiders and all(rows for rows in labels.values()):
            rates, pinned = _rates(outsiders, fpr)
            few = f"{outsiders:,} non-member scores carry {100 * pinned:g} % FPR, not the asked {100 * fpr:g} %"
            flags = (Flag("few_nonmembers", f"{group}: {few}"),) if pinned != fpr else ()
            who = f"{group}, {LIVE_ALONE}" if live else group
            for metric, statistic, pins in _statistics(rates, pinned):
                scores = score.AttackScores(title, f"membership ({who}) {metric}", part["score"], statistic, labels)
                yield Measure(series, scores, counts and pins, flags if counts and pins else ())


def _rates(outsiders: int, fpr: float) -> tuple[list[float], float]:
    """The false-positive rates that so many non-member scores support, and the one that counts."""
    rates = sorted({*FALSE_POSITIVE_RATES, fpr})
    carried = [rate for rate in rates if outsiders >= ceil(10 / rate - 1e-9) or rate >= 0.1]
    return carried, min((rate for rate in carried if rate >= fpr), default=max(carried))


def _statistics(rates: Sequence[float], pinned: float) -> Iterator[tuple[str, Statistic, bool]]:
    """AUC, and the true-positive rates at false-positive ``rates``; the pinned one counts."""
    yield "AUC", score.Auc(), False
    for rate in rates:
        yield f"TPR at {100 * rate:g} % FPR", score.TprAtFpr(rate), rate == pinned


def _kind(secret: str) -> str:
    return secret.partition(":")[0]


def _defined(scores: score.AttackScores) -> bool:
    return any(value == value for rows in scores.values.values() for value in rows.values())


def comparable(
    row: RowResults, entry: EntryResults, attacks: Sequence[Series], pooled: bool = True
) -> tuple[list[Measure], bool]:
    """Measures of ``attacks`` of a row and of the blind guesses, on shared seeds, and True where attacks lack seeds.

    A metric is there if both an attack and a blind guess have it. ``pooled`` is that of :func:`measures`.
    """
    fpr = float(row.entitlement.get("fpr", PINNED_FPR))
    attacking, blind = (measures(series, fpr, pooled) for series in (attacks, entry.blinds))
    metrics = {a.scores.metric for a in attacking} & {b.scores.metric for b in blind}
    return shared_seeds([measure for measure in (*attacking, *blind) if measure.scores.metric in metrics])


def shared_seeds(entries: Sequence[Measure]) -> tuple[list[Measure], bool]:
    """The measures on the seeds that all of them have, and True where attacks differ in their seeds."""
    every = [set(entry.scores.values) for entry in entries]
    common = set.intersection(*every) if every else set()
    attacks = {frozenset(e.scores.values) for e in entries if e.series.role == "attack"}
    return [replace(entry, scores=_on(entry.scores, common)) for entry in entries if common], len(attacks) > 1


def _on(scores: score.AttackScores, seeds: set[int]) -> score.AttackScores:
    values = {seed: rows for seed, rows in scores.values.items() if seed in seeds}
    labels = {seed: rows for seed, rows in (scores.labels or {}).items() if seed in seeds}
    return replace(scores, values=values, labels=None if scores.labels is None else labels)
