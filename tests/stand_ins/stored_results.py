"""Boards for tests: synthetic but valid records through the real builder, and large ones written directly.

``empty_board``, ``tiny_board`` and ``ragged_board`` (void, failed and missing results, NaN scores, hostile texts) go
through the builder. ``big_board`` fills the tables of 1,000 submissions or as many as asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from harness.plugins import registry
from harness.plugins.submission import load_submission
from harness.plugins.suite import load_suite
from harness.store.bundles import write_bundle
from harness.store.files import Files, Record
from harness.store.schema import CellRecord, Costs, Environment, LedgerEntry, RunRecord, Score
from harness.util.keys import key
from leaderboard.build import build_board

__all__ = [
    "BOARDS",
    "ENTRIES",
    "HOSTILE",
    "TINY",
    "Defended",
    "changed",
    "empty_board",
    "ragged_board",
    "records",
    "tiny_board",
    "write_records",
]

BOARDS = ("empty", "tiny", "ragged", "large")
"""Names of the fixtures with which a property of any board is tested."""

HOSTILE = "<script>alert('x')</script> & 100 % _of_ $them$ \\textbf{x} #1 `code` | pipe"
"""Text that a page, a table or a LaTeX file must escape."""

ENVIRONMENT = Environment(
    leakboard="0.1.0",
    commit="abc1234",
    python="3.11.0",
    platform="Linux x86_64",
    cpu="test",
    threads=1,
    packages={"torch": "2.6.0"},
    created="2026-01-02T03:04:05+00:00",
)
SUITE = "standard-small@2"
ENTRIES = ("skills-cut0", "sms-cut25")
SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Defended:
    """The truth that synthetic records are drawn from: one submission at one operating point."""

    submission: str
    point: int = 0
    leak: float = 0.9
    """Share of content tokens that the best attack recovers."""
    utility: float = 0.9
    """Task accuracy; the reference has 0.5, the undefended system 0.9."""
    cost: float = 1.0
    """Factor on every cost."""
    parameters: dict[str, Any] = field(default_factory=dict)
    ledger: tuple[LedgerEntry, ...] = ()
    isolation: str = "process"
    status: Any = "ok"
    reason: str | None = None
    seeds: tuple[int, ...] = SEEDS
    nan: bool = False
    """No attack metric is defined for any record."""


TINY = (
    Defended("none"),
    Defended("gaussian_noise", 0, 0.7, 0.88, 1.1, {"clip": 10.0, "ratio": 0.25}),
    Defended("gaussian_noise", 1, 0.4, 0.8, 1.1, {"clip": 10.0, "ratio": 0.5}),
    Defended("gaussian_noise", 2, 0.15, 0.66, 1.1, {"clip": 10.0, "ratio": 1.0}),
    Defended("int8_quantise", 0, 0.9, 0.9, 1.0),
    Defended("top_k_sparsify", 0, 0.5, 0.85, 0.8),
)


def records(
    rows: Sequence[Defended], *, suite: str = SUITE, entries: Sequence[str] = ENTRIES, n: int = 24, noise: int = 0
) -> Iterator[Record]:
    """Runs with all their cells; secrets and their difficulty depend on (entry, seed) and never on the row."""
    for entry in entries:
        for row in rows:
            for seed in row.seeds:
                yield from _run(row, suite, entry, seed, n, noise)


def write_records(folder: Path, written: Iterator[Record] | Sequence[Record]) -> Path:
    """Write records as a store's files; returns the folder."""
    files = Files(folder)
    for record in written:
        files.write(record)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def changed(record: Record) -> Record:
    """The record of the same key with other content."""
    if isinstance(record, RunRecord):
        return record.model_copy(update={"model": "another"})
    return record.model_copy(update={"scores": (Score(record="r000", metric="exact_match", value=1.0),)})


def empty_board(folder: Path) -> Path:
    """A board without a record."""
    return _built(folder, [])


def tiny_board(folder: Path) -> Path:
    """Six rows on all entries of the quick suite, five seeds."""
    suite = load_suite("quick")
    return _built(folder, list(records(TINY, suite=suite.label, entries=[entry.name for entry in suite.entries])))


def ragged_board(folder: Path) -> Path:
    """A board of trouble: no defined score, a failed run, a single seed, isolation none, noise, hostile names."""
    rows = (
        Defended("none"),
        Defended("all_nan", nan=True),
        Defended("crashed", status="error", reason=f"worker died: {HOSTILE}"),
        Defended("one_seed", 0, 0.3, 0.8, seeds=(0,)),
        Defended("inside", 0, 0.2, 0.85, isolation="none"),
        Defended("send_noise", 0, 0.02, 0.5),
        Defended(HOSTILE, 0, 0.5, 0.85, parameters={"text": HOSTILE}),
    )
    return _built(folder, [*records(rows), *records(rows[:1], suite="forgotten@7", entries=("gone",))])


def _built(folder: Path, stored: Sequence[Record]) -> Path:
    source = folder / "records.jsonl.gz"
    write_bundle(source, stored)
    return build_board([source], folder / "tiny.board.duckdb")


def _run(row: Defended, suite: str, entry: str, seed: int, n: int, noise: int) -> Iterator[Record]:
    honest = _run_record(row, suite, entry, seed, "honest")
    yield honest
    if row.status != "ok":
        failed = {"status": row.status, "reason": row.reason}
        yield _cell(honest, "attack", "ridge_inverter", "oblivious", "text").model_copy(update=failed)
        return
    hard = np.random.default_rng([seed, *entry.encode()]).random(n)  # the records' difficulty, shared by all rows
    own = np.random.default_rng([seed, noise, *(entry + row.submission + str(row.point)).encode()])
    for name, variant, share in (
        ("ridge_inverter", "oblivious", 0.6),
        ("ridge_inverter", "adaptive", 0.9),
        ("vocabulary_matching", "adaptive", 1.0),
    ):
        recovered = np.clip(row.leak * share + 0.3 * (hard - 0.5) + own.normal(0, 0.03, n), 0, 1)
        yield _cell(honest, "attack", name, variant, "text", _text_scores(recovered, row.nan, row.submission == "none"))
    right = hard + own.normal(0, 0.1, n) < row.utility
    yield _cell(honest, "utility", "accuracy", scores=_scores("accuracy", right.astype(float)))
    if row.submission == "none":
        yield _cell(honest, "blind", "blind_tokens", "", "text", _text_scores(np.full(n, 0.05) * hard))
        yield _cell(honest, "blind", "accuracy", scores=_scores("accuracy", (hard < 0.5).astype(float)))


@cache
def _source(submission: str) -> str:
    """The hash of a shipped submission's source, or one made up."""
    known = registry.submissions().get(submission)
    return load_submission(known).hash if known else key(submission) * 2


def _run_record(row: Defended, suite: str, entry: str, seed: int, behaviour: str) -> RunRecord:
    costs = Costs(
        bytes_up=int(10_000 * row.cost),
        bytes_down=5_000,
        messages_up=24,
        messages_down=24,
        round_trips=24,
        private_flops=int(1e9 * row.cost),
        private_peak_bytes=int(4e8 * row.cost),
        wall_seconds=1.5 * row.cost,
        setup_seconds=0.2,
    )
    return RunRecord(
        key=key("run", suite, entry, row.submission, row.point, seed, behaviour),
        suite=suite,
        entry=entry,
        scenario="split_llm",
        submission=row.submission,
        submission_hash=_source(row.submission),
        point=row.point,
        parameters=row.parameters,
        seed=seed,
        behaviour=behaviour,
        isolation=row.isolation,
        status=row.status,
        reason=row.reason,
        costs=costs,
        ledger=row.ledger,
        entitlement={"simulate_budget": 128},
        model="smollm2-135m-instruct sha256:00",
        data="sms_spam sha256:00",
        environment=ENVIRONMENT,
    )


def _cell(
    run: RunRecord, role: Any, name: str, variant: str = "", secret: str = "", scores: tuple[Score, ...] = ()
) -> CellRecord:
    return CellRecord(
        key=key("cell", run.key, role, name, variant, secret),
        run_key=run.key,
        suite=run.suite,
        entry=run.entry,
        scenario=run.scenario,
        submission=run.submission,
        point=run.point,
        seed=run.seed,
        behaviour=run.behaviour,
        role=role,
        name=name,
        variant=variant,
        secret=secret,
        scores=scores,
        seconds=0.5,
        created="2026-01-02T03:04:06+00:00",
    )


def _text_scores(
    recovered: np.ndarray[Any, np.dtype[np.float64]], nan: bool = False, bare: bool = False
) -> tuple[Score, ...]:
    if nan:
        return _scores("content_token_accuracy", np.full(len(recovered), np.nan))
    exact = (recovered > 0.97).astype(float)
    spans = np.where(np.arange(len(recovered)) % 3 == 0, recovered > 0.6, np.nan)
    return (
        *_scores("content_token_accuracy", recovered),
        *_scores("token_accuracy", np.ones(len(recovered)) if bare else recovered),  # controls want it all
        *_scores("exact_match", exact),
        *_scores("pii_span_recall", spans),
    )


def _scores(metric: str, values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[Score, ...]:
    return tuple(
        Score(record=f"r{i:03d}", metric=metric, value=None if np.isnan(v) else float(v))
        for i, v in enumerate(values.astype(float))
    )
