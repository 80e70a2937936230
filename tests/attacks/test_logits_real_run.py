"""Every attack on logits on a real run of the protocol, with real shadow runs, each a target in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from attacks.toolkit.view import population_of
from harness.adversary.shadows import ShadowBank, ShadowPlan
from harness.adversary.simulation import SimulationBank
from harness.adversary.view import TargetView
from harness.attack import Attack, DefenseCard
from harness.errors import SuiteError
from harness.plugins.registry import load
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.plugin import Scenario
from harness.store.archive import Archive
from tests.stand_ins.live_view import live_view
from tests.stand_ins.logit_hierarchy import hierarchy

SHADOWS = 4
MEMBERSHIP = (
    "blind_membership",
    "cooperative_lira",
    "distilled_lira",
    "label_only",
    "logit_loss",
    "offline_lira",
    "offline_rmia",
    "rmia",
    "shadow_lira",
    "surrogate_lira",
    "surrogate_loss",
)
LABELS = (
    "argmax_histogram",
    "black_box_shift",
    "blind_candidates",
    "logit_presence",
    "logit_shares",
    "mean_softmax",
    "prior_fit",
)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], TargetView]]:
    """(behaviour, coalition) -> an adaptive view of the live run."""
    scenario = load("scenario", "logit_kd")
    assert isinstance(scenario, Scenario)
    deployment = scenario.small(str(tmp_path_factory.mktemp("toy")))
    seen = {}
    with Runner(isolation="none", threads=1) as runner:
        archive = Archive()
        for behaviour in ("chosen", "honest"):
            live = runner.execute(deployment, Execution(None, behaviour=behaviour))
            plan = ShadowPlan(deployment, None, ("t", 0), "d", "u", behaviour=behaviour, budget=SHADOWS)
            for name in ("server", "client"):
                seen[behaviour, name] = TargetView(
                    deployment,
                    deployment.coalitions[name],
                    live.log,
                    live.own,
                    defense=DefenseCard("none", {}, ""),
                    adaptive=True,
                    rng=torch.Generator().manual_seed(0),
                    simulations=SimulationBank(runner, deployment, None, 0, "run"),
                    shadow_bank=ShadowBank(plan, runner, archive),
                )
        yield seen


def plugin(name: str) -> Attack:
    attack = load("attack", name)
    assert isinstance(attack, type) and issubclass(attack, Attack)
    return attack()


@pytest.mark.parametrize("name", MEMBERSHIP)
def test_membership_of_every_candidate_in_every_target(views: dict[tuple[str, str], TargetView], name: str) -> None:
    attack, passive = plugin(name), name.startswith(("surrogate", "blind"))
    view = views["honest" if passive else "chosen", "server"]
    secret = view.deployment.secrets["membership"]
    assert len(secret.score(attack.guess(view))) == 3 * len(view.candidates)
    guesses = [attack.guess(view.as_target(t, torch.Generator().manual_seed(t))) for t in range(SHADOWS + 1)]
    assert all(len(guess) == len(view.candidates) for guess in guesses)
    if name != "blind_membership":
        assert len({tuple(guess.values()) for guess in guesses}) == SHADOWS + 1


@pytest.mark.parametrize("name", ["surrogate_lira", "surrogate_loss"])
def test_a_curious_client_has_students_of_the_consensus(views: dict[tuple[str, str], TargetView], name: str) -> None:
    view = views["honest", "client"]
    guess = plugin(name).guess(view)
    assert set(guess) == {c.id for c in view.candidates} and len(set(guess.values())) > 1


@pytest.mark.parametrize("secret", ["label_distribution", "class_presence"])
def test_the_blind_guess_at_classes_serves_both_secrets(views: dict[tuple[str, str], TargetView], secret: str) -> None:
    view = views["honest", "server"]
    guess = plugin("blind_classes").guess(view)
    scores = view.deployment.secrets[secret].score(guess)
    assert len(scores) == 2 * len(view.deployment.secrets[secret].records)
    rows = {tuple(row.items()) for row in guess.values()}
    assert set(guess) == set(population_of(view.public).parties) and len(rows) == 1  # every party alike
    assert sum(dict(next(iter(rows))).values()) == pytest.approx(1.0)


def test_counts_in_control_messages_are_read_by_edges_and_through_edges(toy_folder: Path) -> None:
    """An edge has its clients' counts; the server has their sum, and knows the mean of the group exactly."""
    with Runner(isolation="none", threads=1) as runner:
        deployment = hierarchy(toy_folder)
        edge, server = (live_view(runner, deployment, coalition=name) for name in ("edge0", "server"))
        guesses = [plugin("sent_counts").guess(view) for view in (edge, server)]
    truth = deployment.secrets["label_distribution"]
    exact, group = ([s.value for s in truth.score(guess) if s.metric == "tv"] for guess in guesses)
    assert exact == pytest.approx([0.0] * len(exact))
    own = deployment.secrets["label_distribution:edge0"].score(guesses[0])
    assert {s.record for s in own} == set(truth.records) and max(s.value or 0.0 for s in own) < 1e-9
    records = [r.label for plan in deployment.parties.values() for r in plan.records]
    for row in (guesses[1][party] for party in truth.records):
        assert row == pytest.approx({name: records.count(name) / len(records) for name in row})
    assert max(v for v in group if v is not None) > 0.0


def test_without_counts_there_is_nothing_to_read(views: dict[tuple[str, str], TargetView]) -> None:
    with pytest.raises(SuiteError, match="no label counts are sent to this coalition"):
        plugin("sent_counts").guess(views["honest", "server"])


@pytest.mark.parametrize("name", LABELS)
def test_aggregate_secrets_of_every_party(views: dict[tuple[str, str], TargetView], name: str) -> None:
    view, attack = views["honest", "server"], plugin(name)
    guess = attack.guess(view)
    secret = view.deployment.secrets[attack.secret]
    assert set(guess) == set(population_of(view.public).parties)
    assert len(secret.score(guess)) == 2 * len(secret.records)
