"""Every attack on logits on a real run of the protocol, with real shadow runs, each a target in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from attacks import label_distribution, membership
from harness.adversary.shadows import ShadowBank
from harness.adversary.target import TargetView
from harness.adversary.view import Bank, RunView
from harness.attack import Attack, DefenseCard
from harness.errors import SuiteError
from harness.plugins.registry import load
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.plugin import Scenario
from harness.store.archive import Archive
from tests.attacks.live import live_view
from tests.attacks.membership.test_parameters import hierarchy

SHADOWS = 4


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], RunView]]:
    """(behaviour, coalition) -> an adaptive view of the live run."""
    scenario = load("scenario", "logit_kd")
    assert isinstance(scenario, Scenario)
    made = scenario.small(str(tmp_path_factory.mktemp("toy")))
    found = {}
    with Runner(isolation="none", threads=1) as runner:
        for behaviour in ("chosen", "honest"):
            live = runner.execute(made, Execution(None, behaviour=behaviour))
            shadows = ShadowBank(runner, made, None, 0, behaviour, ("t", 0), "d", "u", Archive(), SHADOWS)
            bank = Bank(runner, made, None, 0, "run", shadows=shadows)
            for name in ("server", "client"):
                sight = TargetView(made, made.coalitions[name], live.log, live.own, shadows, True)
                card, rng = DefenseCard("none", {}, ""), torch.Generator().manual_seed(0)
                found[behaviour, name] = RunView(made.public, card, True, rng, bank, sight, {}, frozenset())
        yield found


def plugin(name: str) -> Attack:
    made = load("attack", name)
    assert isinstance(made, type) and issubclass(made, Attack)
    return made()


@pytest.mark.parametrize("name", sorted(n for n in membership.ATTACKS if not n.startswith("parameter")))
def test_membership_of_every_candidate_in_every_target(views: dict[tuple[str, str], RunView], name: str) -> None:
    attack, passive = plugin(name), name.startswith(("surrogate", "blind"))
    view = views["honest" if passive else "chosen", "server"]
    secret = view.sight.deployment.secrets["membership"]
    assert len(secret.score(attack.guess(view))) == 3 * len(view.candidates)
    guesses = [attack.guess(view.as_target(t, torch.Generator().manual_seed(t))) for t in range(SHADOWS + 1)]
    assert all(len(guess) == len(view.candidates) for guess in guesses)
    if name != "blind_membership":
        assert len({tuple(guess.values()) for guess in guesses}) == SHADOWS + 1


@pytest.mark.parametrize("name", ["surrogate_lira", "surrogate_loss"])
def test_a_curious_client_has_students_of_the_consensus(views: dict[tuple[str, str], RunView], name: str) -> None:
    view = views["honest", "client"]
    guess = plugin(name).guess(view)
    assert set(guess) == {c.id for c in view.candidates} and len(set(guess.values())) > 1


@pytest.mark.parametrize("secret", ["label_distribution", "class_presence"])
def test_the_blind_guess_at_classes_serves_both_secrets(views: dict[tuple[str, str], RunView], secret: str) -> None:
    view = views["honest", "server"]
    guess = plugin("blind_classes").guess(view)
    scores = view.sight.deployment.secrets[secret].score(guess)
    assert len(scores) == 2 * len(view.sight.deployment.secrets[secret].records)
    rows = {tuple(row.items()) for row in guess.values()}
    assert set(guess) == set(view.public.facts["parties"]) and len(rows) == 1  # every party alike
    assert sum(dict(next(iter(rows))).values()) == pytest.approx(1.0)


def test_counts_in_control_messages_are_read_by_edges_and_through_edges(toy_folder: Path) -> None:
    """An edge has its clients' counts; the server has their sum, and knows the mean of the group exactly."""
    with Runner(isolation="none", threads=1) as runner:
        made = hierarchy(toy_folder)
        edge, server = (live_view(runner, made, coalition=name) for name in ("edge0", "server"))
        guesses = [plugin("sent_counts").guess(view) for view in (edge, server)]
    truth = made.secrets["label_distribution"]
    exact, group = ([s.value for s in truth.score(guess) if s.metric == "tv"] for guess in guesses)
    assert exact == pytest.approx([0.0] * len(exact))
    own = made.secrets["label_distribution:edge0"].score(guesses[0])
    assert {s.record for s in own} == set(truth.records) and max(s.value or 0.0 for s in own) < 1e-9
    records = [r.label for plan in made.parties.values() for r in plan.records]
    for row in (guesses[1][party] for party in truth.records):
        assert row == pytest.approx({name: records.count(name) / len(records) for name in row})
    assert max(v for v in group if v is not None) > 0.0


def test_without_counts_there_is_nothing_to_read(views: dict[tuple[str, str], RunView]) -> None:
    with pytest.raises(SuiteError, match="no label counts are sent to this coalition"):
        plugin("sent_counts").guess(views["honest", "server"])


@pytest.mark.parametrize("name", sorted(set(label_distribution.ATTACKS) - {"sent_counts"}))
def test_aggregate_secrets_of_every_party(views: dict[tuple[str, str], RunView], name: str) -> None:
    view, attack = views["honest", "server"], plugin(name)
    guess = attack.guess(view)
    secret = view.sight.deployment.secrets[attack.secret]
    assert set(guess) == set(view.public.facts["parties"])
    assert len(secret.score(guess)) == 2 * len(secret.records)
