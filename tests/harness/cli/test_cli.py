from __future__ import annotations

import importlib.util
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from harness.assessment.report import Report, Row
from harness.assessment.results import TaskMean
from harness.cli import catalogue, main
from harness.cli.reporter import LiveReporter, PlainReporter, make_reporter
from harness.errors import SuiteError
from harness.store import Store
from harness.wire.message import Kind, Message

ROOT = Path(catalogue.__file__).resolve().parents[2]
HEAVY = {"torch", "transformers", "datasets", "evaluate", "duckdb", "pandas", "pyarrow", "numpy", "scipy"}


class Cli:
    """Runs the command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        printed = self._capsys.readouterr()
        return int(caught.value.code or 0), printed.out, printed.err

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """The object that a call with --json prints, after comparing its fields with the documentation."""
        got, out, err = self(*arguments, "--json")
        assert got == code, err
        answer = json.loads(out)
        assert isinstance(answer, dict)
        assert list(answer) == documented(answer["format"])
        return answer


def documented(heading: str) -> list[str]:
    """Field names of the table under a heading of docs/json.md."""
    text = (ROOT / "docs" / "json.md").read_text()
    section = re.split(r"^#+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEAKBOARD_STORE", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)  # a width that whoever runs the tests has set
    return Cli(capsys)


def row(**change: Any) -> Row:
    fields: dict[str, Any] = dict.fromkeys(Row.__dataclass_fields__)
    fields |= {"suite": "quick@1", "submission": "quiet", "point": 0, "label": "scale 1", "entry": "sms"}
    fields |= {"privacy": 0.75, "privacy_low": 0.5, "privacy_high": 0.875, "efficiency": 1.0, "status": "ok"}
    fields |= {"strongest": "ridge adaptive", "flags": (), "n_records": 24, "seeds": 1, "tasks": (), "references": ()}
    return Row(**(fields | change))


@pytest.mark.parametrize("arguments", [["--help"], ["evaluate", "--help"], ["doctor", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom harness.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert not end.code\n"
        f"heavy = {HEAVY!r} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_errors_are_messages_not_tracebacks() -> None:
    command = [sys.executable, "-m", "harness.cli", "show", "no_such_thing"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("leakboard: no scenario, attack, submission, suite or model named 'no_such_thing'")
    assert "Traceback" not in done.stderr


def evaluation(monkeypatch: pytest.MonkeyPatch, rows: list[Row]) -> list[dict[str, Any]]:
    """Put a stand-in in place of the evaluation; returns the list of calls it gets."""
    calls: list[dict[str, Any]] = []

    def stand_in(submission: str, suite: str, store: Path, **options: Any) -> Report:
        calls.append({"submission": submission, "suite": suite, "store": store, **options})
        progress = options["progress"]
        progress.plan(2)
        progress.start("a")
        progress.done("a", "ok", 1.0)
        progress.done("b", "stored", 0.0)
        return Report(rows, store, "quick@1", 1, 1, 2.0)

    monkeypatch.setitem(sys.modules, "harness.evaluation.evaluate", SimpleNamespace(evaluate=stand_in))
    return calls


def test_evaluate_hands_over_its_options(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = evaluation(monkeypatch, [row()])
    cli("evaluate", "quiet")
    monkeypatch.setenv("LEAKBOARD_STORE", "from-environment.duckdb")
    cli(
        "evaluate", "quiet", "--suite", "full", "--scenario", "s", "--point", "0", "--point", "2", "--isolation", "none"
    )
    cli("evaluate", "quiet", "--store", "given.duckdb", "--fresh")
    for call in calls:
        del call["progress"]
    assert calls[0] == {
        "submission": "quiet",
        "suite": None,
        "store": Path("leakboard.duckdb"),
        "scenario": None,
        "points": None,
        "isolation": "process",
        "jobs": None,
        "shipped": True,
        "salt": "public",
    }
    assert calls[1]["store"] == Path("from-environment.duckdb")
    assert (calls[1]["suite"], calls[1]["scenario"], calls[1]["points"]) == ("full", "s", [0, 2])
    assert calls[1]["isolation"] == "none"
    assert (calls[2]["store"], calls[2]["shipped"]) == (Path("given.duckdb"), False)


def test_evaluate_prints_rows_and_notes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(flags=("odd", "[red]strange[/red]")), row(point=1, label="scale 2", flags=("odd",), status="void")]
    evaluation(monkeypatch, rows)
    code, out, err = cli("evaluate", "quiet")
    assert code == 0
    assert "0.750 [0.50, 0.88]" in out
    assert "[1] odd" in out
    assert "[2] [red]strange[/red]" in out
    assert "[1][3]" in out
    assert "1 cells computed, 1 reused, 2.0 s; stored in leakboard.duckdb" in out
    assert err.splitlines() == ["2 cells", "[1/2] a: ok, 1.0 s", "1 cells are in the store already"]


REFERENCES = (
    TaskMean("undefended", "accuracy", 0.8, 0.7, 0.9, 40),
    TaskMean("local only", "accuracy", 0.61, 0.5, 0.7, 40),
    TaskMean("centralised", "accuracy", 0.93, 0.85, 1.0, 40),
)


@pytest.mark.parametrize(("submission", "bare"), [("none", False), ("quiet", True)])
def test_every_entry_prints_its_reference_rows(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, submission: str, bare: bool
) -> None:
    """Local only and centralised after the rows of an entry, and the undefended score where no row is its own."""
    mine = (TaskMean("", "accuracy", 0.72, 0.6, 0.8, 40),)
    rows = [row(entry=entry, submission=submission, tasks=mine, references=REFERENCES) for entry in ("first", "second")]
    evaluation(monkeypatch, rows)
    lines = [line.split() for line in cli("evaluate", submission)[1].splitlines()]
    told = [line[:4] for line in lines if line and line[0] in ("first", "second")]
    wanted = [["(undefended)", "0.800", "[0.70,"]] if bare else []
    wanted += [["(local", "only)", "0.610"], ["(centralised)", "0.930", "[0.85,"]]
    for entry in ("first", "second"):
        assert [line[1:] for line in told if line[0] == entry][1:] == wanted
    assert ["0.720", "[0.60,", "0.80]"] in [line[i : i + 3] for line in lines for i in range(len(line))]
    assert "accuracy" in cli("evaluate", submission)[1]


def test_several_tasks_are_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    two = (TaskMean("", "accuracy", 0.72, 0.6, 0.8, 40), TaskMean("", "log_likelihood", -2.5, -3.0, -2.0, 40))
    evaluation(monkeypatch, [row(tasks=two)])
    out = cli("evaluate", "quiet")[1]
    assert "accuracy 0.720 [0.60, 0.80]" in out and "log_likelihood -2.500 [-3.00, -2.00]" in out


def test_references_in_json(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation(monkeypatch, [row(references=REFERENCES)])
    (only,) = cli.json("evaluate", "quiet")["rows"]
    assert [one["system"] for one in only["references"]] == ["undefended", "local only", "centralised"]
    assert list(only["references"][0]) == ["system", "task", "value", "low", "high", "n"]


def test_evaluate_in_json(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    evaluation(monkeypatch, [row(utility=float("nan"))])
    answer = cli.json("evaluate", "quiet")
    assert answer["store"] == str(tmp_path / "leakboard.duckdb")
    (only,) = answer["rows"]
    assert list(only) == documented("Row")
    assert (only["privacy"], only["utility"], only["flags"]) == (0.75, None, [])


def test_evaluate_fails_when_every_row_failed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation(monkeypatch, [row(status="error", reason="crashed"), row()])
    assert cli("evaluate", "quiet")[0] == 0
    evaluation(monkeypatch, [row(status="error", reason="crashed")])
    code, out, _ = cli("evaluate", "quiet")
    assert code == 1
    assert "error: crashed" in out
    assert cli.json("evaluate", "quiet", code=1)["rows"][0]["reason"] == "crashed"


@pytest.mark.parametrize(
    ("error", "code", "said"), [(SuiteError("no"), 2, "no"), (KeyboardInterrupt(), 130, "goes on")]
)
def test_evaluate_stopped(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def stand_in(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setitem(sys.modules, "harness.evaluation.evaluate", SimpleNamespace(evaluate=stand_in))
    got, out, err = cli("evaluate", "quiet")
    assert (got, out) == (code, "")
    assert said in err


def test_results(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code, out, err = cli("results")
    assert (code, out) == (2, "")
    assert "there is no store" in err
    Store.open(tmp_path / "leakboard.duckdb").close()
    assert "no results in" in cli("results")[1]
    assert cli.json("results")["rows"] == []
    asked: list[Any] = []

    def stand_in(store: Store, submissions: Any) -> list[Row]:
        asked.append(list(submissions))
        return [row(), row(suite="full@2", submission="loud")]

    monkeypatch.setattr("harness.assessment.report.result_rows", stand_in)
    _, out, _ = cli("results", "quiet", "loud")
    assert asked == [["quiet", "loud"]]
    assert out.index("quick@1") < out.index("quiet") < out.index("full@2") < out.index("loud")
    assert [found["submission"] for found in cli.json("results")["rows"]] == ["quiet", "loud"]


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_everything_listed_can_be_shown(cli: Cli, kind: str) -> None:
    answer = cli.json("list", f"{kind}s")
    assert answer["problems"] == []
    names = [item["name"] for item in answer["items"]]
    assert names == sorted(names)
    assert names
    assert all(item["summary"] for item in answer["items"])
    for name in names:
        cards = cli.json("show", name)["items"]
        assert kind in [card["kind"] for card in cards]
    assert cli("list", f"{kind}s")[0] == 0


@pytest.mark.parametrize("share", [4, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_what_is_shown_is_printed_too(cli: Cli, kind: str, share: int) -> None:
    """Every fourth name of a kind, or all."""
    for name in catalogue.names(kind)[::share]:
        code, out, _ = cli("show", name)
        assert code == 0
        assert name in out


def test_summaries_are_read_without_importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clisample.py").write_text(
        "raise RuntimeError\nclass A(Base):\n    summary: ClassVar[str] = 'an ' 'attack'\n"
        "S = Scenario(name='s', summary='a scenario')\nT: Scenario = Scenario(summary='typed')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    expected = {"A": "an attack", "S": "a scenario", "T": "typed", "B": "(broken) clisample has no B"}
    assert {name: catalogue._declared_summary(f"clisample:{name}") for name in expected} == expected


def test_listed_models_are_the_embedded_ones() -> None:
    from harness.assets import MODELS

    assert catalogue.names("model") == sorted(MODELS)


def test_new_makes_a_submission_that_works(cli: Cli, tmp_path: Path) -> None:
    from harness.dp.mechanisms import Mechanisms
    from harness.plugins.submission import load_submission
    from harness.protocol.contract import check_outgoing

    answer = cli.json("new", "my_noise")
    folder = tmp_path / "submissions" / "my_noise"
    assert answer["folder"] == str(folder)
    made = load_submission(folder)
    spec = importlib.util.spec_from_file_location("made_defense", made.file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for point in made.points:
        defense = getattr(module, made.class_name)(**point.parameters)
        defense.me = Mechanisms("p", torch.Generator().manual_seed(1))
        before = Message(Kind.HIDDEN, {"hidden": torch.zeros(5, 400)})
        after = check_outgoing(before, defense.send(before))
        assert after["hidden"].std().item() == pytest.approx(point.parameters["scale"], rel=0.1)
        assert defense.me.ledger()[0].uses == 5


def test_new_refuses_bad_and_taken_names(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "fine", "--in", "elsewhere")[0] == 0
    assert (tmp_path / "elsewhere" / "fine" / "defense.py").is_file()
    code, _, err = cli("new", "fine", "--in", "elsewhere")
    assert code == 2
    assert "is there already" in err
    for name in ("Bad", "../up", "9lives"):
        assert "is no name" in cli("new", name)[2]
    assert not (tmp_path / "submissions").exists()


def test_check_prints_problems(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    problems: list[str] = []
    monkeypatch.setitem(
        sys.modules,
        "harness.evaluation.contract_check",
        SimpleNamespace(check_submission=lambda path, isolation: list(problems)),
    )
    assert cli("check", "mine")[:2] == (0, "mine: no problems\n")
    problems += ["first", "second"]
    code, out, _ = cli("check", "mine")
    assert (code, out) == (1, "mine: 2 problems\n  - first\n  - second\n")
    assert cli.json("check", "mine", code=1)["problems"] == problems
    assert "no submission, attack or scenario named 'no_such_submission'" in cli("check", "no_such_submission")[2]


def test_doctor(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKBOARD_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "leakboard.duckdb"
    assert cli.json("doctor")["store"]["state"] == "none yet"
    Store.open(path).close()
    answer = cli.json("doctor")
    assert answer["store"] == {"path": str(path), "state": "ok", "runs": 0, "cells": 0, "scores": 0}
    assert answer["packages"]["torch"] == torch.__version__
    path.write_bytes(b"broken" * 1000)
    code, out, _ = cli("doctor")
    assert code == 1
    assert "cannot be opened" in out
    code, out, err = cli("doctor", "--rebuild")
    assert code == 0
    assert "rebuilt" in err
    assert "no problems" in out


def test_plain_reporter_tells_of_downloads_once() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    with console.file, make_reporter(console) as reporter:
        assert isinstance(reporter, PlainReporter)
        for done in (0, 5_000_000, 10_000_000):
            reporter.asset("model", done, 10_000_000)
        reporter.asset("cached", 3, 3)
    assert console.export_text().splitlines() == ["fetching model (10 MB)", "fetched model"]


def test_live_reporter_shows_the_cell_and_keeps_failures(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        console = Console(file=out, force_terminal=True, width=100)
        with make_reporter(console) as reporter:
            assert isinstance(reporter, LiveReporter)
            reporter.asset("model", 1, 2)
            reporter.asset("model", 2, 2)
            reporter.plan(2)
            reporter.start("first [b]cell[/b]")
            reporter.done("first [b]cell[/b]", "error", 1.0)
            reporter.start("second")
            reporter.done("second", "ok", 1.0)
    shown = (tmp_path / "out").read_text()
    assert "second" in shown
    assert "100%" in shown
    assert "cell" in shown
