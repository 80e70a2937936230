from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import UnknownName
from harness.plugins import registry

ROOT = Path(registry.__file__).resolve().parents[2]


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two plugin packages beside the harness, one installed distribution, and a submission."""
    home = tmp_path / "home"
    write(
        home,
        {
            "regattacks/__init__.py": "",
            "regattacks/good/__init__.py": "ATTACKS = {'ridge_inverter': 'regattacks.good.ridge:Ridge'}\n",
            "regattacks/good/ridge.py": "class Ridge: ...\n",
            "regattacks/broken/__init__.py": "import no_such_library\n",
            "regscenarios/__init__.py": "SCENARIOS = {'split': 'regscenarios.split:SPLIT'}\n"
            "SCENARIOS |= {'odd': 'regscenarios:x', 'lost': 'regscenarios.lost:x'}\n",
            "regscenarios/split.py": "SPLIT = 'the scenario'\n",
            "regscenarios/suites/quick.toml": "",
            "submissions/none/submission.toml": "",
            "site/regplugin.py": "ATTACKS = {'imported': 'regplugin:Own', 'ridge_inverter': 'regplugin:Own'}\n"
            "class Own: ...\n",
            "site/reg-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: reg\nVersion: 1.0\n",
            "site/reg-1.0.dist-info/entry_points.txt": "[leakboard.plugins]\nown = regplugin\nlost = reglost\n",
        },
    )
    monkeypatch.setattr(registry, "_BESIDE", home)
    monkeypatch.setattr(registry, "_PACKAGES", ("regattacks", "regscenarios"))
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.syspath_prepend(str(home / "site"))
    monkeypatch.chdir(tmp_path)
    yield home
    for name in [name for name in sys.modules if name.split(".")[0] in {"regattacks", "regscenarios", "regplugin"}]:
        del sys.modules[name]


def test_names_from_all_three_places(beside: Path) -> None:
    assert registry.names("attack") == ["imported", "ridge_inverter"]
    assert registry.names("scenario") == ["lost", "odd", "split"]
    assert registry.suites() == {"quick": beside / "regscenarios/suites/quick.toml"}


def test_load_is_lazy_and_gives_the_object(beside: Path) -> None:
    assert registry.load("scenario", "split") == "the scenario"
    assert "regattacks.good.ridge" not in sys.modules
    assert getattr(registry.load("attack", "ridge_inverter"), "__module__", "") == "regattacks.good.ridge"
    with pytest.raises(UnknownName, match="has no x"):
        registry.load("scenario", "odd")
    with pytest.raises(UnknownName, match=r"there is no module regscenarios\.lost"):
        registry.load("scenario", "lost")


def test_problems_are_told_and_break_nothing(beside: Path) -> None:
    found = registry.problems()
    assert len(found) == 3
    assert any("regattacks.broken" in problem and "no_such_library" in problem for problem in found)
    assert any("reglost" in problem for problem in found)
    assert any("'ridge_inverter'" in problem and "first one counts" in problem for problem in found)


def test_unknown_names_get_near_misses(beside: Path) -> None:
    with pytest.raises(UnknownName, match=r"did you mean ridge_inverter\? Known: imported, ridge_inverter"):
        registry.load("attack", "ridge_invertor")
    with pytest.raises(UnknownName, match="no scenario named 'x'\\. Known: lost, odd, split"):
        registry.load("scenario", "x")
    with pytest.raises(UnknownName, match="did you mean quick"):
        registry.suite_file("quik")


def test_submissions_by_name_and_by_path(beside: Path, tmp_path: Path) -> None:
    write(tmp_path, {"submissions/mine/submission.toml": "", "far/away/submission.toml": ""})
    assert registry.submissions() == {
        "mine": tmp_path / "submissions/mine",
        "none": beside / "submissions/none",
    }
    assert registry.find_submission("none") == beside / "submissions/none"
    write(tmp_path, {"submissions/none/submission.toml": "another"})
    assert registry.submissions()["none"] == beside / "submissions/none"
    assert registry.find_submission("far/away") == tmp_path / "far/away"
    assert registry.find_submission(tmp_path / "far/away/submission.toml") == tmp_path / "far/away"
    with pytest.raises(UnknownName, match="did you mean mine"):
        registry.find_submission("mime")


def test_verbs_of_the_command_line_are_plugins(beside: Path) -> None:
    write(beside, {"regscenarios/__init__.py": "COMMANDS = {'sing': 'regscenarios.sing:sing'}\n"})
    write(beside, {"regscenarios/sing.py": "def sing() -> None: ...\n"})
    assert registry.names("command") == ["sing"]
    assert "regscenarios.sing" not in sys.modules
    assert callable(registry.load("command", "sing"))


def test_shipped_results_lie_beside_the_packages(beside: Path, tmp_path: Path) -> None:
    assert registry.results() is None
    write(beside, {"results/a.txt": ""})
    assert registry.results() == beside / "results"
    write(tmp_path, {"results/a.txt": ""})
    assert registry.results() == tmp_path / "results"


def test_shipped_plugins_are_found_without_heavy_imports() -> None:
    code = (
        "import sys; from harness.plugins import registry as r\n"
        "assert r.names('attack'), r.problems()\n"
        "assert not r.problems(), r.problems()\n"
        "r.names('scenario'); r.suites(); r.submissions()\n"
        "heavy = {'torch', 'transformers', 'datasets', 'evaluate', 'numpy', 'pandas', 'duckdb'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
