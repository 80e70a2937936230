"""Identity of a submission: its name together with the hash of its source.

The names of the submissions that are shipped with the harness are reserved. ``none`` above all is what every other row
is compared with, and the negative controls decide about whole entries: another folder of such a name is refused, and
records of another source stand under a name of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import LeakboardError, ManifestError
from harness.plugins import registry
from harness.plugins.submission import MANIFEST, Manifest, Submission, load_submission
from harness.util.keys import tree_hash

__all__ = ["UNDEFENDED_NAME", "check_identity", "registered_hashes", "shown_name", "undefended_submission"]

UNDEFENDED_NAME = "none"
"""The submission that defends nothing."""


def registered_hashes() -> dict[str, str]:
    """Reserved name -> hash of its registered source; those that cannot be read have a hash that nothing equals."""
    hashes = {}
    for name, folder in registry.shipped().items():
        try:
            hashes[name] = tree_hash(folder)
        except LeakboardError:
            hashes[name] = ""
    return hashes


def check_identity(submission: Submission) -> None:
    """Refuse a stranger under a reserved name.

    Raises:
        ManifestError: there is a registered submission of that name, and this one differs from it in its source or in
            what its manifest says.
    """
    folder = registry.shipped().get(submission.name)
    if folder is None or folder.resolve() == submission.folder:
        return
    registered = load_submission(folder)
    differs = "source" if registered.hash != submission.hash else _different_field(registered, submission)
    if differs:
        problem = (
            f"name: {submission.name!r} is reserved for the registered submission in {folder}, and this one has "
            f"another {differs}; give the folder and its manifest another name"
        )
        raise ManifestError(str(submission.folder / MANIFEST), [problem])


def _different_field(registered: Manifest, submission: Manifest) -> str:
    fields = (name for name in Manifest.model_fields if getattr(registered, name) != getattr(submission, name))
    return next(fields, "")


def shown_name(name: str, source_hash: str, registered: Mapping[str, str]) -> str:
    """The name under which results of a submission stand: ``name@hash`` where the name is reserved for another source.

    Such results are never taken for those of the registered submission, as a reference, as a control, or in a row.
    """
    return name if registered.get(name, source_hash) == source_hash else f"{name}@{source_hash[:8] or 'unknown'}"


def undefended_submission() -> Submission:
    """The registered submission that defends nothing; a folder of that name elsewhere is never it."""
    folders = registry.shipped()
    return load_submission(folders.get(UNDEFENDED_NAME) or registry.find_submission(UNDEFENDED_NAME))
