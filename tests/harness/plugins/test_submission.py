from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ManifestError
from harness.plugins import submission
from harness.util import trees
from tests import toml_writer

GOOD: dict[str, Any] = {
    "name": "quiet",
    "title": "Quiet",
    "summary": "Says less.",
    "authors": ["A. Person"],
    "licence": "Apache-2.0",
    "class": "defense:Quiet",
    "source": "Person (2020), section 3",
    "scenarios": ["split_llm"],
    "points": [
        {"label": "low", "parameters": {"scale": 0.5, "layers": [1, 2]}},
        {"label": "high", "parameters": {"scale": 2}},
    ],
    "claim": {"epsilon": 8, "delta": 1e-5, "unit": "token", "adjacency": "replace", "view": "server"},
}
SOURCE = "class Quiet:\n    def __init__(self, scale, layers=()): ...\n"


def write(folder: Path, manifest: dict[str, Any], source: str | None = SOURCE) -> Path:
    folder.mkdir()
    (folder / "submission.toml").write_text(toml_writer.dumps(manifest))
    if source is not None:
        (folder / "defense.py").write_text(source)
    return folder


def problems_of(folder: Path) -> tuple[str, ...]:
    with pytest.raises(ManifestError) as caught:
        submission.load_submission(folder)
    return caught.value.problems


def test_loads_what_the_manifest_says(tmp_path: Path) -> None:
    folder = write(tmp_path / "quiet", GOOD)
    loaded = submission.load_submission(folder)
    assert (loaded.name, loaded.class_name, loaded.file) == ("quiet", "Quiet", folder / "defense.py")
    assert [point.label for point in loaded.points] == ["low", "high"]
    assert loaded.points[0].parameters == {"scale": 0.5, "layers": [1, 2]}
    assert loaded.claim is not None
    assert loaded.claim.epsilon == 8.0
    assert not loaded.secret_state
    assert submission.load_submission(folder / "submission.toml") == loaded


def test_nothing_of_a_submission_is_run(tmp_path: Path) -> None:
    folder = write(tmp_path / "quiet", GOOD, SOURCE + "raise SystemExit('imported')\n")
    assert submission.load_submission(folder).name == "quiet"


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    broken = GOOD | {
        "title": "",
        "scenarios": [],
        "colour": "red",
        "secret_state": "yes",
        "points": [{"label": "a", "parameters": {"size": 1}}],
        "claim": {"epsilon": -1, "delta": 0.1, "unit": "token", "adjacency": "replace"},
    }
    del broken["source"]
    found = problems_of(write(tmp_path / "other", broken))
    for start in (
        "title:",
        "scenarios:",
        "colour: unknown key",
        "secret_state:",
        "source: missing",
        "claim.epsilon:",
        "claim.view: missing",
        "name: must be the name of the folder, 'other'",
        "points[0].parameters.size: Quiet takes no such parameter",
        "points[0].parameters.scale: missing",
    ):
        assert any(problem.startswith(start) for problem in found), (start, found)
    assert len(found) == 10


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"points": []}, "points"),
        ({"points": [{"label": str(i), "parameters": {"scale": i}} for i in range(7)]}, "points"),
        ({"points": [{"label": "a", "parameters": {"scale": i}} for i in (1, 2)]}, "same label"),
        ({"points": [{"label": i, "parameters": {"scale": 1}} for i in "ab"]}, "same parameters"),
        ({"points": [{"label": "a", "parameters": {"scale": float("nan")}}]}, "scale is nan"),
        ({"scenarios": ["a", "a"]}, "listed twice"),
        ({"class": "Quiet"}, "class"),
        ({"class": "elsewhere:Quiet"}, "no file elsewhere.py"),
        ({"class": "defense:Loud"}, "no class Loud"),
        ({"class": "../defense:Quiet"}, "class"),
    ],
)
def test_refusals(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in problems_of(write(tmp_path / "quiet", GOOD | change)))


def test_source_that_is_not_python_and_missing_manifest(tmp_path: Path) -> None:
    assert "not Python" in problems_of(write(tmp_path / "quiet", GOOD, "class Quiet(:\n"))[0]
    (tmp_path / "empty").mkdir()
    assert "holds no submission.toml" in problems_of(tmp_path / "empty")[0]
    (tmp_path / "empty" / "submission.toml").write_text("name = ")
    assert "not TOML" in problems_of(tmp_path / "empty")[0]


@pytest.mark.parametrize("source", ["class Quiet:\n    def __init__(self, **any): ...\n", "class Quiet(Base): ...\n"])
def test_constructors_that_cannot_be_judged_are_let_through(tmp_path: Path, source: str) -> None:
    assert submission.load_submission(write(tmp_path / "quiet", GOOD, source)).class_name == "Quiet"


json_like = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(sorted(GOOD)), json_like)
def test_any_value_ends_in_a_manifest_or_in_problems(field: str, value: Any) -> None:
    from harness.plugins.documents import parse

    manifest, problems = parse(submission.Manifest, GOOD | {field: value})
    assert (manifest is None) == bool(problems)


def test_family_is_one_of_those_known_and_changes_no_hash(tmp_path: Path) -> None:
    folder = write(tmp_path / "quiet", GOOD)
    before = submission.load_submission(folder)
    assert before.family is None
    (folder / "submission.toml").write_text(toml_writer.dumps({**GOOD, "family": "compression"}))
    after = submission.load_submission(folder)
    assert after.family == "compression" and after.hash == before.hash
    (folder / "submission.toml").write_text(toml_writer.dumps({**GOOD, "family": "magic"}))
    assert any(problem.startswith("family") for problem in problems_of(folder))


def test_no_manifest_says_that_its_submission_is_a_control(tmp_path: Path) -> None:
    """On commit e6ffef4 a stranger who declared himself one flagged every row of an entry."""
    folder = write(tmp_path / "quiet", GOOD | {"control": "negative"})
    assert problems_of(folder) == (
        "control: which submissions are controls is a suite's word (its negative_controls); remove it",
    )


def test_links_pipes_and_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "quiet", GOOD)
    os.mkfifo(folder / "pipe.py")
    (folder / "there").symlink_to("/etc")
    assert problems_of(folder) == (
        "pipe.py is neither a file nor a folder; remove it",
        "there is a symbolic link; copy the file instead",
    )
    for name in ("pipe.py", "there"):
        (folder / name).unlink()
    monkeypatch.setattr(trees, "MAX_BYTES", 1000)
    (folder / ".weights").write_bytes(bytes(2000))
    assert problems_of(folder) == ("its files have more than 0.001 MB together",)
    monkeypatch.setattr(trees, "MAX_FILES", 2)
    assert problems_of(folder) == ("holds more than 2 files and folders; leave out what is not needed",)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("submission.toml", "x = " + "[" * 5000, "not TOML"),
        ("submission.toml", "title = 'a\x1b[2J'", "not TOML"),
        ("submission.toml", 'title = "a\\u001b[2J"', "title: holds control characters"),
        ("defense.py", "x = " + "(" * 5000, "is not Python"),
        ("defense.py", "x = " + "-" * 200_000 + "1", "is not Python"),
    ],
)
def test_files_that_end_a_parser_are_problems_of_the_submission(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    folder = write(tmp_path / "quiet", GOOD)
    (folder / name).write_text(content)
    assert any(words in problem for problem in problems_of(folder))


def test_everything_odd_is_shown_as_text(tmp_path: Path) -> None:
    """On commit e6ffef4 each of these voided every attack."""
    folder = write(tmp_path / "quiet", GOOD)
    (folder / "latin.py").write_bytes(b"# \xe9\n")
    (folder / "folder.py").mkdir()
    (folder / "folder.py" / "table.bin").write_bytes(bytes(range(256)))
    text = submission.source_text(submission.load_submission(folder))
    assert text.index("# file defense.py") < text.index("# file latin.py") < text.index("# file folder.py/table.bin")
    assert "class Quiet" in text
