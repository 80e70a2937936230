"""The examples run, and are as short as they say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from harness.attack import SERVER, Candidate, Kind, Message, PrototypeFacts, Public, SeenMessage, Shadow
from harness.evaluation.contract_check import check_submission
from harness.runtime import Execution, Runner
from harness.scenario.checks import deployment_problems

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def loaded(file: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module in a file, under the file's name, as if its folder were on the path."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, file.stem, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.py")), ids=lambda file: file.name)
def test_examples_are_short(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.usefixtures("shared_workers")
def test_defense() -> None:
    assert check_submission(EXAMPLES / "defense" / "no_small_classes") == []


class RecordInPrototype:
    """A view in which client1 sends the mean of the members among three orthogonal records."""

    def __init__(self, members: list[int]) -> None:
        self.candidates = [Candidate(f"k{i}", f"text {i}", "a", "client1") for i in range(3)]
        self.transcript = self.sent(members)

    def embed(self, texts: list[str]) -> torch.Tensor:
        """The unit vector of each record."""
        return torch.eye(len(texts))

    def sent(self, members: list[int]) -> list[SeenMessage]:
        """One prototype, of the records with these numbers."""
        mean = torch.eye(3)[members].mean(0)
        return [SeenMessage("client1", SERVER, Message(Kind.PROTOTYPE, {"classes": [0], "means": mean[None]}))]

    def shadows(self, n: int | None = None) -> list[Shadow]:
        """Every run in which two of the three records are in."""
        runs = [[0, 1], [0, 2], [1, 2]]
        return [Shadow(self.sent(run), {}, {f"k{i}": i in run for i in range(3)}) for run in runs[:n]]


@pytest.mark.parametrize("member", [0, 1, 2])
def test_attack_finds_the_member(member: int, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = loaded(EXAMPLES / "attack" / "prototype_gap.py", monkeypatch).PrototypeGap()
    guess = attack.guess(RecordInPrototype([member]))
    assert max(guess, key=guess.get) == f"k{member}"
    assert guess[f"k{member}"] > 0.5


def test_attack_scores_nobody_where_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    attack = loaded(EXAMPLES / "attack" / "prototype_gap.py", monkeypatch).PrototypeGap(shadows=0)
    view = RecordInPrototype([0])
    view.transcript = []
    assert set(attack.guess(view).values()) == {-1.0}


@pytest.mark.parametrize(("features", "refused"), [("frozen", False), ("adapter", False), ("projection", True)])
def test_attack_refuses_another_space(features: str, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = loaded(EXAMPLES / "attack" / "prototype_gap.py", monkeypatch).PrototypeGap()
    sentence = attack.refuses(Public(facts=(PrototypeFacts(features=features),)))
    assert (sentence is not None) == refused


def test_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = loaded(EXAMPLES / "scenario" / "length_counts.py", monkeypatch).LENGTH_COUNTS
    deployment = scenario.small(str(tmp_path))
    assert list(deployment_problems(deployment)) == []
    with Runner(isolation="none", threads=1) as runner:
        shared, alone = (runner.execute(deployment, Execution(None, behaviour=b)) for b in ("honest", "local_only"))
    for outcome in (shared, alone):
        assert set(outcome.predictions) == {item.id for plan in deployment.parties.values() for item in plan.items}
    assert shared.predictions != alone.predictions
    assert len(shared.log.entries) == 2 * len(deployment.parties)
