"""Verification on a tiny model: clean records pass, every kind of alteration is named, a sample proves what it says."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.evaluation.evaluate import evaluate
from harness.evaluation.verify import Means, at_most_wrong, compare_cells, verify_records
from harness.integrity.verifications import Verification
from harness.plugins.submission import Submission
from harness.store import CellRecord, Record, RunRecord, Score, Store
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_suite import write_toy_suite

NOISE = """
class Plugin(Defense):
    def send(self, message):
        return message.replace(hidden=self.me.gaussian(message["hidden"], clip=None, scale=0.05))
"""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def suite(tmp_path: Path, toy_folder: Path, toy_csv: Path) -> Path:
    return write_toy_suite(tmp_path / "toysuite.toml", toy_folder, toy_csv)


@pytest.fixture
def plugin(submission: Callable[..., Submission]) -> Submission:
    return submission(NOISE)


@pytest.fixture
def stored(suite: Path, plugin: Submission, shelf: Path, shared_workers: None) -> list[Record]:
    """All records of one evaluation, computed by the first test that asks."""
    if not (shelf / "s.duckdb").exists():
        evaluate(plugin.folder, suite, shelf / "s.duckdb", progress=Quiet())
    with Store.open(shelf / "s.duckdb", read_only=True) as store:
        runs = [store.run(row["key"]) for row in store.query("SELECT key FROM runs")]
        cells = [store.cell(row["key"]) for row in store.query("SELECT key FROM cells")]
    return [record for record in [*runs, *cells] if record is not None]


Check = Callable[..., Verification]


@pytest.fixture
def check(tmp_path: Path, suite: Path, plugin: Submission, shelf: Path, shared_workers: None) -> Check:
    """Verify the plugin's records. After the first time the scratch store is a copy of one that verified them all: what
    is tested are comparisons, not computing."""

    def run(records: Sequence[Record], **options: object) -> Verification:
        own = [r for r in records if r.submission == "plugin"]
        kept = shelf / "scratch"
        if kept.is_dir():
            shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
        means = Means(submissions=[plugin.folder], suites=[suite], verifier="tests")
        (verification,) = verify_records(own, tmp_path / "v.duckdb", means, progress=Quiet(), **options)  # type: ignore[arg-type]
        if not kept.is_dir():
            kept.mkdir()
            shutil.copy(tmp_path / "v.duckdb", kept)
            shutil.copytree(tmp_path / "v.files", kept / "v.files")
        return verification

    return run


def first(records: Sequence[Record], role: str) -> CellRecord:
    return next(r for r in records if isinstance(r, CellRecord) and r.submission == "plugin" and r.role == role)


def swapped(records: Sequence[Record], *changed: Record) -> list[Record]:
    new = {record.key: record for record in changed}
    return [new.get(record.key, record) for record in records]


def better(cell: CellRecord) -> CellRecord:
    """The cell with one score moved by the last digit that is written."""
    score = next(s for s in cell.scores if s.value is not None)
    moved = score.model_copy(update={"value": math.nextafter(score.value or 0.0, 2.0)})
    return cell.model_copy(update={"scores": tuple(moved if s is score else s for s in cell.scores)})


def test_clean_records_are_verified(stored: list[Record], check: Check) -> None:
    verification = check(stored)
    own = {r.key for r in stored if r.submission == "plugin"}
    assert verification.outcome == "verified" and verification.same_platform
    assert set(verification.records) == own
    assert set(verification.sampled) == {r.key for r in stored if r.key in own and isinstance(r, CellRecord)}
    assert verification.at_most_wrong == 0 and not verification.missing


def test_the_last_digit_of_one_score_is_noticed(stored: list[Record], check: Check) -> None:
    cell = better(first(stored, "attack"))
    verification = check(swapped(stored, cell))
    assert verification.outcome == "refuted" and set(verification.differing) == {cell.key}
    assert "records were altered" in verification.differing[cell.key]


def test_on_another_platform_flips_are_tolerated_and_lies_are_not(stored: list[Record], check: Check) -> None:
    elsewhere = [
        r.model_copy(update={"environment": r.environment.model_copy(update={"cpu": "another"})})
        if isinstance(r, RunRecord)
        else r
        for r in stored
    ]
    cell = first(stored, "attack")
    tolerated = check(swapped(elsewhere, better(cell)))
    assert tolerated.outcome == "verified" and not tolerated.same_platform
    other = {"scores": tuple(s.model_copy(update={"value": 1 - (s.value or 0)}) for s in cell.scores)}
    lied = check(swapped(elsewhere, cell.model_copy(update=other)))
    assert lied.outcome == "unsettled" and "cpu another then" in lied.differing[cell.key]
    fewer = check(swapped(elsewhere, cell.model_copy(update={"scores": cell.scores[1:]})))
    assert fewer.outcome == "refuted", "no platform drops a record"


def test_an_altered_run_is_noticed_by_its_cells(stored: list[Record], check: Check) -> None:
    run = next(r for r in stored if isinstance(r, RunRecord) and r.submission == "plugin" and r.behaviour == "honest")
    cheaper = run.model_copy(update={"costs": run.costs.model_copy(update={"bytes_up": 1})})
    verification = check(swapped(stored, cheaper))
    assert verification.outcome == "refuted"
    assert all("its run differs in costs" in words for words in verification.differing.values())


def test_records_that_were_left_out_are_missing(stored: list[Record], check: Check) -> None:
    """Without its strongest attack a row looks better, and each cell that is left is true."""
    gone = first(stored, "attack")
    verification = check([r for r in stored if r.key != gone.key])
    assert verification.outcome == "incomplete"
    assert "left out" in verification.missing[gone.key]


def test_why_a_cell_cannot_be_computed(
    stored: list[Record], check: Check, plugin: Submission, suite: Path, tmp_path: Path
) -> None:
    own = [r for r in stored if r.submission == "plugin"]

    def reason(records: Sequence[Record], means: Means) -> str:
        (verification,) = verify_records(records, tmp_path / "w.duckdb", means, progress=Quiet())
        assert verification.outcome == "incomplete"
        return next(iter(verification.missing.values()))

    assert "source: no submission" in reason(own, Means(suites=[suite]))
    assert "toysuite" in reason(own, Means(submissions=[plugin.folder]))
    sealed = [
        r.model_copy(update={"entitlement": {**r.entitlement, "salt": "sealed", "seal": "ab" * 32}})
        if isinstance(r, RunRecord)
        else r
        for r in own
    ]
    assert "data: the salt of seal abababab" in reason(sealed, Means(submissions=[plugin.folder], suites=[suite]))
    text = suite.read_text().replace("records = 12", "records = 11")
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "toysuite.toml"
    other.write_text(text)
    assert reason(own, Means(submissions=[plugin.folder], suites=[other])).startswith(("data: ", "source: "))


def test_a_sample_has_a_cell_of_every_place_and_states_its_bound(stored: list[Record], check: Check) -> None:
    verification = check(stored, sample=1)
    assert len(verification.sampled) == 1 and verification.beside == ()
    assert verification.at_most_wrong > 0.1 * verification.population and verification.outcome == "too few"
    none = check(stored, sample=0)
    assert none.sampled == () and len(none.beside) == 1, "the one place still has one"
    assert none.at_most_wrong == none.population


def test_the_bound_is_that_of_all_samples_counted(stored: list[Record]) -> None:
    """Against every sample of a small population, listed."""
    for population, sampled, level in itertools.product((1, 5, 8), (0, 1, 3, 5), (0.5, 0.95)):
        if sampled > population:
            continue
        samples = list(itertools.combinations(range(population), sampled))
        slow = max(
            wrong
            for wrong in range(population + 1)
            if wrong == 0 or sum(min(s, default=population) >= wrong for s in samples) / len(samples) > 1 - level
        )
        assert at_most_wrong(population, sampled, level) == slow
    assert at_most_wrong(1000, 59, 0.95) == 48  # the rule of three, less what drawing without replacement gains


def test_scores_of_draws_are_compared_exactly_everywhere(stored: list[Record]) -> None:
    cell = first(stored, "attack")
    labels = tuple(Score(record=str(i), metric="label", value=float(i % 2)) for i in range(40))
    then, now = (
        cell.model_copy(update={"scores": scores})
        for scores in (labels, (labels[0].model_copy(update={"value": 1.0}), *labels[1:]))
    )
    assert compare_cells(then, then, exact=False) == ([], False)
    problems, certain = compare_cells(then, now, exact=False)
    assert problems and certain
