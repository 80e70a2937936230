"""Official runs: evaluations under a sealed salt, in a sandbox, that its seal's log knows of before the first score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.assessment.report import Report
from harness.errors import SealError
from harness.evaluation.evaluate import evaluate
from harness.evaluation.executor import Progress
from harness.integrity.contents import contents
from harness.integrity.salts import commitment, read_salt
from harness.integrity.seals import Seal, append, read_seal
from harness.plugins import registry
from harness.plugins.identity import check_identity, registered_hashes, undefended_submission
from harness.plugins.submission import Submission, load_submission
from harness.plugins.suite import load_suite
from harness.store import Record, Store

__all__ = ["MOST_SOURCES", "official_run", "revealed_salt", "sealed_records"]

MOST_SOURCES = 3
"""Sources of one submission that a seal is spent on: each score that a submitter sees tells of the texts."""


def official_run(
    submission_path: str | Path,
    suite_name: str | Path,
    store_path: Path,
    seal_path: Path,
    salt_file: Path,
    *,
    points: Sequence[int] | None = None,
    isolation: str = "sandbox",
    most_sources: int = MOST_SOURCES,
    progress: Progress,
    jobs: int | None = None,
) -> tuple[Report, Seal]:
    """Evaluate a submission under a sealed salt; the seal's log gets an event before and one after.

    A run that was interrupted goes on where it stopped when it is asked for again, and counts once. What is logged at
    the end are the digests of all its records, so that records of nobody else pass for those of this run.

    Raises:
        SealError: the salt is another seal's, the seal is revealed, too many sources of this submission were run under
            it, or a submission that is not registered would run without a sandbox.
        ManifestError, SuiteError, UnknownName, StoreBusy: as :func:`harness.evaluation.evaluate.evaluate`.
    """
    seal, salt = read_seal(seal_path), read_salt(salt_file)
    if commitment(salt) != seal.commitment:
        raise SealError(f"{salt_file} holds the salt of another seal than {seal_path}")
    submission = load_submission(registry.find_submission(submission_path))
    check_identity(submission)
    _check(submission, seal, isolation, most_sources)
    facts = {
        "submission": submission.name,
        "source": submission.hash,
        "suite": load_suite(suite_name).label,
        "isolation": isolation,
    }
    append(seal_path, "begun", **facts)
    report = evaluate(
        submission.folder,
        suite_name,
        store_path,
        points=points,
        isolation=isolation,
        progress=progress,
        salt=salt,
        jobs=jobs,
        shipped=False,
    )
    with Store.open(store_path, read_only=True) as store:
        records = sealed_records(store, seal.commitment, (submission.hash, undefended_submission().hash))
    return report, append(seal_path, "finished", **facts, records=contents(records))


def revealed_salt(seal_path: Path) -> str:
    """The salt of a seal; :class:`SealError` while it is secret."""
    salt = read_seal(seal_path).salt
    if salt is None:
        raise SealError(f"{seal_path} is not revealed yet: until then only its owner can compute what it sealed")
    return salt


def sealed_records(store: Store, seal: str, sources: Sequence[str]) -> list[Record]:
    """Runs of some sources under a seal, with their cells."""
    sql = "SELECT key FROM runs WHERE entitlement->>'seal' = ? AND submission_hash IN (SELECT unnest(?::VARCHAR[]))"
    runs = [row["key"] for row in store.query(sql, [seal, list(sources)])]
    cells = store.query("SELECT key FROM cells WHERE run_key IN (SELECT unnest(?::VARCHAR[]))", [runs])
    stored: list[Any] = [*(store.run(key) for key in runs), *(store.cell(row["key"]) for row in cells)]
    return [record for record in stored if record is not None]


def _check(submission: Submission, seal: Seal, isolation: str, most_sources: int) -> None:
    if isolation != "sandbox" and registered_hashes().get(submission.name) != submission.hash:
        raise SealError(
            f"{submission.name} is not registered here, so an official run of it needs --isolation sandbox: a plain "
            "worker could read the salt"
        )
    earlier = [source for source in seal.sources(submission.name) if source != submission.hash]
    if len(earlier) >= most_sources:
        raise SealError(
            f"{len(earlier)} sources of {submission.name} were run under this seal already, and at most "
            f"{most_sources} may be: wait for the next seal"
        )
