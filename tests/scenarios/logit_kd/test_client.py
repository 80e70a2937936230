"""Clients on toy data: what they learn from each other, and what the references do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.plugins.submission import load_submission
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.wire.message import Kind
from tests.stand_ins.toy_logits import deploy


def sent(outcome: Outcome, kind: Kind, sender: str) -> list[dict[str, Any]]:
    messages = [entry.message() for entry in outcome.log.entries if entry.sender == sender]
    return [dict(message.payload) for message in messages if message.kind is kind]


@pytest.mark.parametrize("method", ["fedmd", "fedhkt"])
def test_references_send_nothing_and_predict_the_same_texts(toy_folder: Path, runner: Runner, method: str) -> None:
    deployment = deploy(toy_folder, method=method, models=("linear", "mlp"))
    honest = runner.execute(deployment, Execution(None))
    for behaviour in ("local_only", "centralised"):
        alone = runner.execute(deployment.variants[behaviour](), Execution(None, behaviour=behaviour))
        assert alone.log.entries == []
        assert set(alone.predictions) == set(honest.predictions)


@pytest.mark.parametrize(("method", "trainings"), [("fedmd", 3), pytest.param("fedhkt", 5, marks=pytest.mark.slow)])
def test_references_train_as_often_as_the_protocol_does(
    toy_folder: Path, runner: Runner, method: str, trainings: int
) -> None:
    """Counted by the harness: steps of private training on the same records."""
    private = load_submission(Path(__file__).resolve().parents[3] / "submissions" / "dp_sgd")
    deployment = deploy(toy_folder, method=method, models=("linear",), inner_rounds=2, rounds=2, batch_size=2)

    def steps(made: Deployment, behaviour: str) -> dict[str, int]:
        ledger = runner.execute(made, Execution(private, behaviour=behaviour)).ledger
        return {entry.party: entry.uses for entry in ledger if entry.mechanism == "dpsgd"}

    honest = steps(deployment, "honest")
    assert honest == steps(deployment.variants["local_only"](), "local_only")
    for party, plan in deployment.parties.items():
        assert honest[party] == trainings * round(len(plan.records) / 2)


def test_a_shared_network_learns_more_than_its_members_alone(toy_folder: Path, runner: Runner) -> None:
    """On two well-separated classes, a client that has seen only one of them learns the other from the consensus."""
    plain: dict[str, Any] = {"models": ("linear",), "canaries": 0, "average": 0}
    deployment = deploy(toy_folder, rounds=3, digest_epochs=20, epochs=5, public=6, test=2, **plain)
    one, two = sorted(deployment.settings["labels"])[:2]
    records = [r for plan in deployment.parties.values() for r in plan.records]
    by_label = {label: [r for r in records if r.label == label] for label in (one, two)}
    parties = {
        name: replace(plan, records=tuple(by_label[one if k % 2 else two][:4]))
        for k, (name, plan) in enumerate(deployment.parties.items())
    }
    parties = {
        name: replace(plan, records=tuple(replace(r, id=f"{name}.{r.id}") for r in plan.records))
        for name, plan in parties.items()
    }
    told = replace(deployment, parties=parties)
    answers = [m["logits"] for m in sent(runner.execute(told, Execution(None)), Kind.LOGITS, "client0")]
    other = sorted(deployment.settings["labels"]).index(one)
    first, last = answers[0], answers[-1]
    assert float(last[: len(first), other].mean()) > float(first[:, other].mean())


@pytest.mark.slow
def test_digests_are_followed_by_as_many_epochs_as_revisit_says(toy_folder: Path, runner: Runner) -> None:
    private = load_submission(Path(__file__).resolve().parents[3] / "submissions" / "dp_sgd")

    def steps(**changes: Any) -> int:
        deployment = deploy(toy_folder, method="fedmd", models=("linear",), rounds=2, batch_size=2, **changes)
        ledger = runner.execute(deployment, Execution(private)).ledger
        return sum(entry.uses for entry in ledger if entry.mechanism == "dpsgd" and entry.party == "client0")

    usual = steps()
    assert steps(revisit=0) * 3 == usual
    assert steps(revisit=None) == usual
