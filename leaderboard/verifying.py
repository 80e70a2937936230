"""Verification of records by path: computed again in a store that is thrown away, the outcome written down."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError
from harness.evaluation.executor import Progress
from harness.evaluation.verify import Means, verify_records
from harness.integrity import Verification, read_salt, read_seal, write_verification
from leaderboard.records import collect_records
from leaderboard.records.collect import VOUCHERS

__all__ = ["VerifyOptions", "verify_paths"]


@dataclass(frozen=True)
class VerifyOptions:
    """Choices of ``leakboard verify``."""

    sample: int | None = None
    level: float = 0.95
    seals: tuple[Path, ...] = ()
    salt_file: Path | None = None
    submissions: tuple[Path, ...] = ()
    only: tuple[str, ...] = ()
    suites: tuple[Path, ...] = ()
    verifier: str = "unnamed"
    output: Path | None = None
    jobs: int | None = None


def verify_paths(paths: Sequence[Path], options: VerifyOptions, progress: Progress) -> list[tuple[Path, Verification]]:
    """Compute the records under ``paths`` again, and write a verification of each submission beside them.

    Raises:
        StoreError, SealError: what is to be read cannot be, or there is nothing to verify.
    """
    collected = collect_records(paths)
    salts = [seal.salt for seal in (*collected.seals.values(), *map(read_seal, options.seals)) if seal.salt is not None]
    if options.salt_file is not None:
        salts.append(read_salt(options.salt_file))
    records = [r for r in collected.all() if not options.only or r.submission in options.only]
    if not records:
        raise StoreError(f"there is no record of {', '.join(options.only) or 'anything'} to verify")
    means = Means(salts, options.submissions, options.suites, options.jobs, options.verifier)
    with tempfile.TemporaryDirectory(prefix="leakboard-verify-") as scratch:
        verifications = verify_records(
            records, Path(scratch) / "v.duckdb", means, sample=options.sample, level=options.level, progress=progress
        )
    home = options.output or _beside(paths[0])
    return [(write_verification(home, verification), verification) for verification in verifications]


def _beside(path: Path) -> Path:
    """The place where whoever reads ``path`` also finds what is said about it."""
    if path.suffix in {".duckdb", ".files"}:
        return path.with_suffix(".files") / VOUCHERS
    return path if path.is_dir() else path.parent
