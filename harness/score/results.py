"""Inputs and results of scoring. Data only; the algorithms live in the sibling modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.score.statistic import Mean, Statistic

__all__ = ["Advantage", "AttackScores", "Costs", "Estimate", "Leakage", "NullTest", "RecordScores", "Void"]

RecordScores = Mapping[int, Mapping[str, float]]
"""seed -> record id -> score; nan where the metric is undefined for that record."""


@dataclass(frozen=True)
class AttackScores:
    """One (attack, variant, metric): the per-record scores of every seed. Blind attacks have the same shape.

    ``statistic`` turns one seed's scores into one number in [0, 1]. ``labels`` (seed -> record -> class; for
    membership 1 = member) are needed by every statistic but the mean, and are the truth, hence equal for all
    entries of one metric.
    """

    name: str
    metric: str
    values: RecordScores
    statistic: Statistic = field(default_factory=Mean)
    labels: Mapping[int, Mapping[str, int]] | None = None


@dataclass(frozen=True)
class Void:
    """A score that does not exist, and why."""

    reason: str


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; all three are nan exactly where ``void`` gives a reason."""

    value: float
    low: float
    high: float
    void: str | None = None
    conditional_on_seed: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advantage:
    """One entry's advantage over the best blind attack on its metric, with simultaneous bounds.

    ``score`` and ``floor`` are the raw means m and b; ``blind`` names the blind attack that sets the floor.
    ``score_low`` and ``score_high`` are the raw mean's own 95 % interval, not simultaneous; ``alone_low`` and
    ``alone_high`` are that of ``value``, simultaneous over its blind attacks alone.
    ``se`` is the standard error of ``value`` over records and seeds. ``value``, ``se``, ``low`` and ``high``
    are nan exactly where ``void`` gives a reason.
    """

    name: str
    metric: str
    value: float
    se: float
    low: float
    high: float
    score: float
    floor: float
    blind: str
    void: str | None = None
    score_low: float = float("nan")
    score_high: float = float("nan")
    alone_low: float = float("nan")
    alone_high: float = float("nan")


@dataclass(frozen=True)
class Leakage:
    """The strongest attack's advantage: cross-fitted estimate, 95 % interval of the largest true advantage.

    ``strongest`` is the (name, metric) with the largest advantage on all records. ``c`` is the number of
    standard errors that the simultaneous bounds of the advantages reach. Numbers are not clipped. They are nan
    exactly where ``void`` gives a reason.
    """

    estimate: float
    low: float
    high: float
    strongest: tuple[str, str] | None
    advantages: tuple[Advantage, ...]
    c: float
    n_records: int
    n_seeds: int
    conditional_on_seed: bool
    void: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class NullTest:
    """Outcome of one max-T test over all attacks: ``passed`` is ``statistic <= threshold``."""

    passed: bool
    statistic: float
    threshold: float
    strongest: tuple[str, str]


@dataclass(frozen=True)
class Costs:
    """Costs of one run: bytes on the wire, private-party FLOPs, private-party peak memory (bytes), round trips."""

    bytes: float
    flops: float
    peak_memory: float
    round_trips: float
