"""The copy of a submission that a worker gets: exactly the files that its hash is about, in a folder of its own."""

from __future__ import annotations

from pathlib import Path

from harness.errors import DefenseError, ManifestError
from harness.plugins.submission import MANIFEST, Submission
from harness.util.keys import files_hash
from harness.util.trees import read_files

__all__ = ["stage"]


def stage(submission: Submission, target: Path) -> Path:
    """Copy what counts of ``submission`` into the new folder ``target``; returns it.

    The manifest stays behind: only a part of it is hashed, and the worker is told what it needs. Every run has a copy
    of its own, read-only, at a path that tells nothing about the run; what a worker leaves there, no other one finds.

    Raises:
        DefenseError: the files are no longer those that the submission was loaded with.
    """
    try:
        files = read_files(submission.folder)
        same = files_hash(files, submission.folder) == submission.hash
    except ManifestError as error:
        raise DefenseError(f"the submission's folder cannot be handed over: {'; '.join(error.problems)}") from error
    if not same:
        raise DefenseError(f"files in {submission.folder} have changed since the evaluation began; start it again")
    target.mkdir(parents=True)
    for name, data in files.items():
        if name != MANIFEST:
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o444)
    for place in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        place.chmod(0o555)
    return target
