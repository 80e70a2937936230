"""Deployments of gradient sharing: who trains what, which texts are asked for, and settings that make no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import ModelError, SuiteError
from harness.models.learner import Learner, LearnerSpec
from harness.models.split import load_part, public_part
from harness.plugins.submission import load_submission
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.wire.facts import GradientFacts
from harness.wire.message import Kind
from scenarios.gradient_sharing.settings import Settings
from tests.stand_ins.gradient_world import deploy, toy_bert, toy_llama


def sent(outcome: Outcome, party: str = "client1") -> list[Any]:
    return [e.message() for e in outcome.log.entries if e.sender == party]


def test_one_round_of_averaging_one_batch_by_sgd_is_fedsgd(toy_folder: Path, runner: Runner) -> None:
    """The mean of updates by one step of size lr is lr times the mean gradient, whoever takes the step."""
    same: dict[str, Any] = {"embeddings": "frozen", "server_optimiser": "sgd", "optimiser": "sgd", "lr": 0.1}
    answers = []
    for method, rate in (("fedsgd", 0.1), ("fedavg", 1.0)):
        outcome = runner.execute(deploy(toy_folder, method=method, server_lr=rate, **same), Execution(None))
        answers.append(next(e.message() for e in outcome.log.entries if e.receiver == "client1").tensors())
    assert all(torch.allclose(answers[0][n], answers[1][n], atol=1e-6) for n in answers[0])


def test_messages_hold_the_trained_parameters_alone(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, embeddings="frozen", trained=["attention", "head"], layers=[1], precision="bf16")
    (message,) = sent(runner.execute(deployment, Execution(None)))
    assert message.kind is Kind.GRADIENT
    names = {f"part.blocks.1.self_attn.{k}_proj.weight" for k in "qkvo"} | {"classifier.weight"}
    assert set(message.payload) == names
    assert {value.dtype for value in message.tensors().values()} == {torch.bfloat16}


def test_adapters_are_sent_in_place_of_weights(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, rank=2, targets=["q_proj", "v_proj"], rounds=2)
    first, second = sent(runner.execute(deployment, Execution(None)))
    adapters = {name for name in first.payload if "lora_" in name}
    assert len(adapters) == 2 * 2 * 2 and set(first.payload) == adapters | {"classifier.weight"}
    zero = [name for name in adapters if not first[name].any()]
    assert zero and all("lora_A" in name for name in zero), "B is zero at the start, so that A has no gradient"
    assert all(second[name].any() for name in adapters)


def test_a_sum_hides_single_clients(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, aggregation="sum")
    outcome = runner.execute(deployment, Execution(None))
    seen = outcome.log.seen_by({"server"})
    assert {e.sender for e in seen if e.receiver == "server"} == {"sum"}
    assert set(deployment.secrets["words"].records) == {"sum"}


def test_the_attacked_round_is_not_known_to_parties(toy_folder: Path) -> None:
    drawn = set()
    for classes in range(6):
        deployment = deploy(toy_folder, rounds=6, test=4 + classes)
        drawn.add(deployment.public.need(GradientFacts).attacked)
        assert "attacked" not in deployment.parties["client1"].settings
    assert drawn


def test_scored_texts_are_those_that_are_in_the_attacked_gradient(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, rounds=3)
    (round_,) = deployment.public.need(GradientFacts).attacked
    records = deployment.parties["client1"].records
    wanted = {records[(2 * round_ + i) % len(records)].id for i in range(2)}
    assert {r for r in deployment.secrets["batch_texts"].records if r.startswith("client1.")} == wanted


@pytest.mark.slow
def test_learning_together_beats_the_start(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, model=str(toy_bert(toy_folder)), rounds=20, batch_size=4, test=12)
    (task,) = deployment.tasks

    def accuracy(made: Deployment, behaviour: str = "honest") -> float:
        predicted = runner.execute(made, Execution(None, behaviour=behaviour)).predictions
        scores = [float(s.value or 0) for s in task.score(predicted, {})]
        return sum(scores) / len(scores)

    assert accuracy(deployment) >= 0.9
    assert accuracy(deployment, "knockout") <= 0.7


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"batches": 2}, "use fedavg"),
        ({"proximal": 0.1}, "no meaning"),
        ({"batch_size": 8}, "fewer than the 8"),
        ({"attacked": 2}, "2 rounds of 1"),
        ({"rank": 2}, "adapters need both"),
        ({"embeddings": "frozen", "trained": ()}, "everything is frozen"),
        ({"task": "language_modelling", "blocks": 1}, "whole model"),
    ],
)
def test_contradictions_are_named(changes: dict[str, Any], says: str) -> None:
    settings = Settings.model_construct(
        **{
            **{name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()},
            "least": 4,
            "batch_size": 2,
            **changes,
        }
    )
    assert any(says in problem for problem in settings.problems())


def test_encoders_do_not_model_language(toy_folder: Path) -> None:
    with pytest.raises(SuiteError, match="encoder"):
        deploy(toy_folder, model=str(toy_bert(toy_folder)), task="language_modelling")


def test_a_layer_that_does_not_exist_is_named_with_those_that_do(toy_folder: Path) -> None:
    part = load_part(str(toy_llama(toy_folder)), 0, None)
    with pytest.raises(ModelError, match=r"no layer is called query.*q_proj"):
        Learner(part, LearnerSpec(classes=2, rank=2, targets=("query",)))
    with pytest.raises(ModelError, match="nothing is trained"):
        Learner(part, LearnerSpec(classes=2, trained=()))


def test_frozen_parameters_share_their_storage_and_trained_ones_do_not(toy_folder: Path) -> None:
    part = public_part(str(toy_llama(toy_folder)), 0, None, False)
    learner = Learner(part, LearnerSpec(classes=2, trained=("attention", "head")))
    own, base = (dict(one.named_parameters()) for one in (learner.part, part))
    frozen, trained = "blocks.0.mlp.up_proj.weight", "blocks.0.self_attn.q_proj.weight"
    assert own[frozen].data_ptr() == base[frozen].data_ptr()
    assert own[trained].data_ptr() != base[trained].data_ptr() and torch.equal(own[trained], base[trained])
    with pytest.raises(ModelError, match=r"classifier\.weight"):
        learner.load({"classifier.weight": torch.zeros(3, 3)})


@pytest.mark.parametrize("name", ["gradient_gaussian", "gradient_pruning", "gradient_sign", "gradient_int8"])
def test_shipped_defenses_change_what_is_sent(name: str, toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, embeddings="frozen")
    plain = sent(runner.execute(deployment, Execution(None)))[0].tensors()
    defended = sent(runner.execute(deployment, Execution(load_submission(Path("submissions") / name))))[0].tensors()
    assert plain.keys() == defended.keys()
    assert any(not torch.equal(plain[n], defended[n]) for n in plain)


def test_frozen_embeddings_and_larger_batches_are_a_defenses_choice(toy_folder: Path, runner: Runner) -> None:
    frozen = load_submission(Path("submissions/frozen_embeddings"))
    message = sent(runner.execute(deploy(toy_folder), Execution(frozen)))[0]
    assert not any("embed" in name for name in message.payload)
    larger = load_submission(Path("submissions/larger_batch"))
    deployment = deploy(toy_folder)
    plain, more = (sent(runner.execute(deployment, Execution(s)))[0] for s in (None, larger))
    assert any(not torch.equal(plain[n], more[n]) for n in plain.payload)


def test_private_gradients_hold_their_claim(toy_folder: Path, runner: Runner) -> None:
    from harness.dp.claims import judge

    private = load_submission(Path("submissions/dp_gradients"))
    outcome = runner.execute(deploy(toy_folder, rounds=3), Execution(private))
    claim = private.claim_at(0)
    assert claim is not None
    verdict = judge(claim, outcome.ledger, frozenset())
    assert verdict.status == "holds", verdict.reason


def test_a_client_without_its_candidates_sends_what_it_has(toy_folder: Path, runner: Runner) -> None:
    """A shadow run in which no candidate was in ended with fewer records than a batch."""
    import numpy

    deployment = deploy(toy_folder, average=9, records=24, auxiliary=16, public=0, test=3)
    assert deployment.redraw is not None
    nobody = {candidate.id: False for candidate in deployment.candidates}
    drawn = [deployment.redraw(numpy.random.default_rng(seed), nobody) for seed in range(6)]
    fewest = min(drawn, key=lambda made: min(len(plan.records) for plan in made.parties.values()))
    assert runner.execute(fewest, Execution(None)).predictions
