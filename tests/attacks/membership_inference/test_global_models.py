"""Membership by another client, which sees the global models of all rounds and nothing else of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from attacks.membership_inference.global_gain import GlobalGain, largest
from attacks.membership_inference.global_lira import GlobalLira
from attacks.membership_inference.global_loss import GlobalLoss
from attacks.toolkit.readers.global_models import Asker, global_states
from attacks.toolkit.readers.gradients import gradient_facts, public_tokens, whole_ids
from harness.adversary.shadows import seen_messages
from harness.attack import Attack, Shadow, auc
from harness.errors import SuiteError
from harness.models.learner import Learner
from harness.models.split import public_part
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from scenarios.gradient_sharing.model import make_learner
from tests.stand_ins.global_models import altered, client_view, coins, federation, memorised

ATTACKS = (GlobalLoss, GlobalGain, lambda: GlobalGain(over="largest"), GlobalLira)


@pytest.fixture(scope="module", params=["language_modelling", "classification"])
def deployment(toy_folder: Path, request: pytest.FixtureRequest) -> Deployment:
    return federation(toy_folder, request.param)


def quality(attack: Attack, deployment: Deployment, seed: int, shadows: int = 0) -> float:
    """AUC on one over-trained draw."""
    members = coins(deployment, seed)
    others = [memorised(deployment, coins(deployment, 100 + i)) for i in range(shadows)]
    guess = attack.guess(client_view(deployment, memorised(deployment, members), others))
    return auc([guess[name] for name in members], [int(inside) for inside in members.values()])


@pytest.mark.parametrize("attack", ATTACKS, ids=["loss", "gain", "largest", "lira"])
def test_members_of_an_over_trained_language_model_are_told_from_others(attack: type, toy_folder: Path) -> None:
    shadows = 6 if attack is GlobalLira else 0
    assert quality(attack(), federation(toy_folder), 0, shadows) >= 0.95


@pytest.mark.parametrize("attack", [GlobalLoss, GlobalGain])
def test_members_of_an_over_trained_classifier_are_told_from_others(attack: type, toy_folder: Path) -> None:
    deployment = federation(toy_folder, "classification")
    assert np.mean([quality(attack(), deployment, seed) for seed in range(3)]) >= 0.8


@pytest.mark.parametrize("attack", [GlobalGain, lambda: GlobalGain(over="largest")], ids=["gain", "largest"])
def test_a_frozen_model_tells_nothing(attack: type, deployment: Deployment) -> None:
    run = altered(memorised(deployment, coins(deployment, 0), steps=0), {0: 0.0, 1: 0.0}, start_of(deployment))
    guess = attack().guess(client_view(deployment, run))
    assert len({round(score, 9) for score in guess.values()}) == 1, "every candidate has the same score"


def test_noise_tells_nothing_of_who_is_in(deployment: Deployment) -> None:
    """The guess rests on the messages alone, so that over draws of members its AUC is a half."""
    run = altered(memorised(deployment, coins(deployment, 0), steps=0), {0: 0.02, 1: 0.02}, start_of(deployment))
    guess = GlobalGain().guess(client_view(deployment, run))
    draws = [coins(deployment, seed) for seed in range(60)]
    values = [auc([guess[name] for name in members], [int(x) for x in members.values()]) for members in draws]
    assert abs(np.mean(values) - 0.5) < 0.12


def start_of(deployment: Deployment) -> dict[str, torch.Tensor]:
    return learner_of(deployment).state()


def learner_of(deployment: Deployment) -> Learner:
    facts = gradient_facts(deployment.public)
    part = public_part(facts.model, 0, facts.blocks, facts.learner["task"] == "language_modelling")
    return make_learner(part, deployment.parties["client1"].settings)


def test_confidence_is_that_of_the_definition(deployment: Deployment) -> None:
    """Text by text, without padding: log p / (1 - p) of the label, or the mean of the tokens' log-likelihoods."""
    facts, tokens = gradient_facts(deployment.public), public_tokens(deployment.public)
    state = global_states(client_view(deployment, memorised(deployment, coins(deployment, 0))).transcript)[-1]
    learner = learner_of(deployment)
    learner.load(state)
    asked = [(one.text, one.label) for one in deployment.candidates]
    wanted = []
    for text, label in asked:
        ids = torch.tensor([whole_ids(facts, tokens.encode(text)[: facts.max_tokens])])
        with torch.no_grad():
            scores = learner(ids, torch.ones_like(ids).bool()).double()[0]
        if learner.classifier is None:
            wanted.append(
                float(torch.stack([scores[i].log_softmax(-1)[ids[0, i + 1]] for i in range(ids.shape[1] - 1)]).mean())
            )
        else:
            chance = float(scores.softmax(-1)[deployment.parties["client1"].settings["labels"].index(str(label))])
            wanted.append(np.log(chance / (1 - chance)))
    assert np.allclose(Asker(deployment.public).ask(state, asked), wanted, atol=1e-3)


def test_the_largest_jump_counts_in_deviations_of_its_round() -> None:
    moved = np.array([[1.0, 0.0], [2.0, 6.0]])
    means, spreads = np.array([[0.0, 0.0], [2.0, 2.0]]), np.array([[0.5, 0.5], [2.0, 2.0]])
    assert largest(moved, means, spreads).tolist() == [2.0, 2.0]
    assert largest(moved, means, np.zeros((2, 2))).tolist() == [0.0, 0.0], "rounds that move nothing say nothing"


def test_a_client_is_sent_every_global_model(toy_folder: Path) -> None:
    """In the protocol itself: its own gradients and what comes back are all that the coalition sees."""
    deployment = federation(toy_folder, "classification")
    with Runner(isolation="none", threads=1, limits=Limits(cpu_seconds=120.0)) as runner:
        outcome = runner.execute(deployment, Execution(None))
    seen = seen_messages(outcome.log, deployment.coalitions["client"])
    assert {(one.sender, one.receiver) for one in seen} == {("client0", "server"), ("server", "client0")}
    states = global_states(seen)
    assert len(states) == 2 and any(bool((states[0][n] != states[1][n]).any()) for n in states[0])


def test_a_coalition_without_global_models_is_refused(deployment: Deployment) -> None:
    with pytest.raises(SuiteError, match="no global model"):
        GlobalLoss().guess(client_view(deployment, Shadow((), {}, {})))


def test_lira_needs_shadow_runs(deployment: Deployment) -> None:
    with pytest.raises(SuiteError, match="shadow_budget"):
        GlobalLira().guess(client_view(deployment, memorised(deployment, coins(deployment, 0), 0)))
