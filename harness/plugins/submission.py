"""A submission: a folder with ``submission.toml``, the defense's source, and a README.

Nothing of a submission is imported here: its class is found on the syntax tree, so that reading a manifest
never runs a stranger's code.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from harness.errors import ManifestError
from harness.plugins.documents import Document, parse, read_toml
from harness.util.keys import canonical, tree_hash
from harness.util.trees import read_files
from harness.util.untrusted import one_line, plain_text

__all__ = [
    "EVERYWHERE",
    "MANIFEST",
    "Claim",
    "Family",
    "Manifest",
    "Point",
    "Submission",
    "load_submission",
    "source_text",
]

MANIFEST = "submission.toml"
"""Name of the file that makes a folder a submission."""

EVERYWHERE = "*"
"""In ``scenarios``: made for all of them."""

MAX_SOURCE = 1_000_000
"""Bytes of a submission's files that attackers are shown as text."""

MAX_POINTS = 6
"""Operating points a submission may have: few enough that the best of them is no search."""

Family = Literal[
    "undefended",
    "noise",
    "compression",
    "suppression",
    "text rewriting",
    "training",
    "secure aggregation",
    "synthetic data",
    "other",
]
"""What kind of defense a submission is, for filters; no result depends on it."""

_NAME = r"^[a-z][a-z0-9_]*$"
_Text = Field(min_length=1)


class Claim(Document):
    """A differential-privacy claim, recomputed from the ledger of what was really executed."""

    epsilon: float = Field(gt=0)
    """Claimed privacy loss."""
    delta: float = Field(ge=0, lt=1)
    """Claimed failure probability."""
    unit: str = _Text
    """What is protected as one: ``token``, ``record``, ``client``."""
    adjacency: str = _Text
    """Which data sets count as neighbours: ``add_remove``, ``replace``."""
    view: str = _Text
    """Whose view the claim is about."""


class Point(Document):
    """One operating point: a setting of the defense's parameters, evaluated as a row of its own."""

    label: str = _Text
    """What the point is called in tables, such as ``rho 0.5``."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the defense's constructor."""
    claim: Claim | None = None
    """The privacy claim at this point, in place of the submission's."""


class Manifest(Document):
    """The content of ``submission.toml``."""

    name: str = Field(pattern=_NAME)
    """Name of the submission and of its folder."""
    title: str = _Text
    """One line for tables."""
    summary: str = _Text
    """What the defense does, in a sentence or two."""
    authors: tuple[str, ...] = Field(min_length=1)
    """Who wrote it."""
    licence: str = _Text
    """SPDX identifier of the licence of its source."""
    target: str = Field(alias="class", pattern=r"^[A-Za-z_]\w*:[A-Za-z_]\w*$")
    """Where the defense is: ``module:Class``, the module a file of the folder."""
    source: str = _Text
    """The paper or text that the defense comes from."""
    bibtex: str = ""
    """The same for a bibliography."""
    family: Family | None = None
    """What kind of defense it is; without one the board guesses from the name."""
    scenarios: tuple[str, ...] = Field(min_length=1)
    """Scenarios that the defense is made for; ``*`` for all there are."""
    secret_state: bool = False
    """Whether it rests on secret deployment state fixed by ``setup``; it is then scored with known pairs."""
    points: tuple[Point, ...] = Field(min_length=1, max_length=MAX_POINTS)
    """Operating points, in the order of their index."""
    claim: Claim | None = None
    """The privacy claim of all operating points, if any; a point may make its own."""

    def applies_to(self, scenario: str) -> bool:
        """True where the defense is made for the scenario."""
        return bool({scenario, EVERYWHERE} & set(self.scenarios))

    def claim_at(self, point: int) -> Claim | None:
        """The claim that holds at an operating point."""
        return self.points[point].claim or self.claim

    def document(self) -> dict[str, Any]:
        """The manifest as plain data, by the names of ``submission.toml``."""
        return self.model_dump(mode="json", by_alias=True, include=set(Manifest.model_fields))

    @field_validator("scenarios", "authors")
    @classmethod
    def _distinct(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("a name is listed twice")
        return names

    @field_validator("points")
    @classmethod
    def _distinct_points(cls, points: tuple[Point, ...]) -> tuple[Point, ...]:
        for what, values in (
            ("label", [point.label for point in points]),
            ("parameters", [canonical(point.parameters) for point in points]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"two operating points have the same {what}")
        return points


class Submission(Manifest):
    """A manifest with the folder it was read from."""

    folder: Path
    """The submission's folder, absolute."""
    hash: str
    """:func:`harness.util.keys.tree_hash` of the folder."""
    file: Path
    """The file that defines the defense."""
    class_name: str
    """The defense's class in :attr:`file`."""


def load_submission(path: Path | str) -> Submission:
    """The submission in a folder (or the folder of a ``submission.toml``).

    Raises:
        ManifestError: with every problem: of the manifest, and of the source that it points at.
    """
    folder = Path(path).resolve()
    folder = folder.parent if folder.name == MANIFEST else folder
    if not (folder / MANIFEST).is_file():
        raise ManifestError(str(folder), [f"holds no {MANIFEST}; `leakboard new NAME` makes a submission"])
    source_hash = tree_hash(folder)  # refuses what is too large, or no file, before anything of it is read
    document = read_toml(folder / MANIFEST)
    manifest, problems = parse(Manifest, document)
    if document.get("name", folder.name) != folder.name:
        problems.append(f"name: must be the name of the folder, {folder.name!r} (got {document['name']!r})")
    if "control" in document:
        problems = [problem for problem in problems if not problem.startswith("control:")]
        problems.append("control: which submissions are controls is a suite's word (its negative_controls); remove it")
    problems += [f"{place}: holds control characters" for place in _odd_texts(document)]
    problems += _source_problems(folder, document)
    if manifest is None or problems:
        raise ManifestError(str(folder / MANIFEST), problems)
    module, _, class_name = manifest.target.partition(":")
    fields = {name: getattr(manifest, name) for name in Manifest.model_fields}
    fields["class"] = fields.pop("target")
    place = {"folder": folder, "hash": source_hash, "file": folder / f"{module}.py", "class_name": class_name}
    return Submission.model_validate({**fields, **place})


def _odd_texts(value: object, place: str = "") -> list[str]:
    """Places of texts with control characters or terminal escapes, which tables and pages would pass on."""
    if isinstance(value, str):
        return [place] if plain_text(value) != value else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [(f"{place}[{k}]" if isinstance(value, list) else f"{place}.{k}".lstrip("."), v) for k, v in items]
    return [odd for where, item in inner for odd in _odd_texts(item, where)]


def _source_problems(folder: Path, document: dict[str, Any]) -> list[str]:
    """Problems that keep the class named by a manifest from being built, as far as its syntax tree shows."""
    module, colon, class_name = str(document.get("class", "")).partition(":")
    if not colon:
        return []
    file = folder / f"{module}.py"
    if not file.is_file():
        return [f"class: there is no file {file.name} in the folder"]
    try:
        tree = ast.parse(file.read_bytes(), file.name)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [f"class: {file.name} is not Python: {one_line(error)}"]
    node = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == class_name), None)
    if node is None:
        return [f"class: {file.name} defines no class {class_name}"]
    return _parameter_problems(node, document.get("points"))


def _parameter_problems(node: ast.ClassDef, points: object) -> list[str]:
    """Parameters of the operating points that the constructor in ``node`` does not take, or lacks."""
    make = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    if make is None or not isinstance(points, list):
        return []
    positional = [a.arg for a in (*make.args.posonlyargs, *make.args.args)][1:]
    required = set(positional[: len(positional) - len(make.args.defaults)])
    required |= {a.arg for a, default in zip(make.args.kwonlyargs, make.args.kw_defaults, strict=True) if not default}
    known = {*positional, *(a.arg for a in make.args.kwonlyargs)}
    problems = []
    for index, point in enumerate(points):
        given = set(point.get("parameters", {})) if isinstance(point, dict) else set()
        where, unknown = f"points[{index}].parameters", set() if make.args.kwarg else given - known
        problems += [f"{where}.{name}: {node.name} takes no such parameter" for name in sorted(unknown)]
        problems += [f"{where}.{name}: missing, {node.name} needs it" for name in sorted(required - given)]
    return problems


def source_text(submission: Submission) -> str:
    """All files of a submission that count, one after the other under their names, as text: what everyone may read.

    Bytes that are no text are replaced, and of each file as much is read as :data:`MAX_SOURCE` leaves; code comes
    first.
    """
    try:
        files = read_files(submission.folder)
    except ManifestError as error:
        return f"# {one_line(error)}\n"
    shown, left = [], MAX_SOURCE
    for name in sorted(files, key=lambda name: (not name.endswith(".py"), name)):
        if name != MANIFEST:
            text = files[name][:left].decode("utf-8", errors="replace")
            left -= min(left, len(files[name]))
            shown.append(f"# file {name}\n{text}")
    return "\n".join(shown)
