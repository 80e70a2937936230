"""Identity: reserved names belong to one source, in folders that are evaluated and in results that are stored."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.assessment.assess import assess_entry
from harness.assessment.reading import results_of_records
from harness.assessment.results import UNDEFENDED, Place
from harness.errors import ManifestError
from harness.evaluation.contract_check import check_submission
from harness.evaluation.evaluate import evaluate
from harness.plugins import registry
from harness.plugins.identity import check_identity, registered_hashes, shown_name, undefended_submission
from harness.plugins.submission import load_submission
from harness.plugins.suite import Suite, load_suite
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.stored_entry import StoredEntry


def copied(name: str, home: Path) -> Path:
    return Path(shutil.copytree(registry.shipped()[name], home / name))


def test_a_copy_of_a_registered_submission_is_itself(tmp_path: Path) -> None:
    check_identity(load_submission(copied("none", tmp_path)))
    check_identity(load_submission(registry.shipped()["none"]))


@pytest.mark.parametrize(("file", "change"), [("defense.py", "# more\n"), ("submission.toml", "# more\n[claim]\n")])
def test_another_folder_under_a_reserved_name_is_refused(tmp_path: Path, file: str, change: str) -> None:
    folder = copied("gaussian_noise", tmp_path)
    with (folder / file).open("a") as out:
        out.write(change.replace("[claim]", "[claim]\nepsilon = 1\ndelta = 0\nunit = 'x'\nadjacency = 'y'\nview = 'z'"))
    words = "reserved for the registered submission in .*gaussian_noise.*another"
    with pytest.raises(ManifestError, match=words):
        check_identity(load_submission(folder))
    assert "reserved" in check_submission(folder)[0]
    with pytest.raises(ManifestError, match=words):
        evaluate(folder, "quick", tmp_path / "s.duckdb", progress=Quiet())
    assert not (tmp_path / "s.duckdb").exists()


def test_a_strangers_none_is_never_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for home in (tmp_path, tmp_path / "submissions"):
        (copied("none", home) / "defense.py").write_text("class Changed: ...\n")
    monkeypatch.chdir(tmp_path)
    assert undefended_submission().folder == registry.shipped()["none"]


def test_results_of_another_source_stand_apart() -> None:
    """On commit e6ffef4 the latest run called ``none`` was the reference of every row."""
    registered = registered_hashes()
    assert shown_name("none", registered["none"], registered) == "none"
    assert shown_name("none", "ab" * 32, registered) == "none@abababab"
    assert shown_name("mine", "ab" * 32, registered) == "mine"

    def draw(value: float) -> object:
        return lambda rng: {"accuracy": {f"r{i}": value for i in range(40)}}

    stored = StoredEntry()
    stored.add("accuracy", role="utility", draw=draw(0.9))
    stored.add("accuracy", "d", role="utility", draw=draw(0.7))
    honest = results_of_records(stored.runs.values(), stored.cells)
    runs, cells = dict(stored.runs), list(stored.cells)
    for run in [run for run in stored.runs.values() if run.submission == "none"]:
        later = run.environment.model_copy(update={"created": "2999"})
        forged = {"key": f"x{run.key}", "submission_hash": "ab" * 32, "environment": later}
        runs[f"x{run.key}"] = run.model_copy(update=forged)
    for cell in [cell for cell in stored.cells if cell.submission == "none"]:
        worst = tuple(score.model_copy(update={"value": 0.0}) for score in cell.scores)
        forged_cell = {"key": f"x{cell.key}", "run_key": f"x{cell.run_key}", "scores": worst}
        cells.append(cell.model_copy(update=forged_cell))
    (entry,) = results_of_records(runs.values(), cells)
    assert entry.undefended == honest[0].undefended
    assert list(entry.rows) == [Place("d", 0), UNDEFENDED, Place("none@abababab", 0)]
    flags = {row.submission: {flag.id for flag in row.flags} for row in assess_entry(entry, None)}
    assert "reserved_name" in flags["none@abababab"]
    assert "reserved_name" not in flags["none"] | flags["d"]
    shown = assess_entry(entry, None, frozenset({"none"}))
    assert [row.submission for row in shown] == ["none", "none@abababab"]


def test_every_shipped_suite_names_its_negative_controls() -> None:
    controls = {name: load_suite(name).negative_controls for name in registry.suites()}
    assert set(controls.values()) == {("pure_noise",)}
    with pytest.raises(ValueError, match="no negative control"):
        Suite.model_validate({**load_suite("quick").model_dump(), "negative_controls": ("none",)})
