"""The likelihood ratio on votes by an attacker who knows all other records, against closed forms and a slow oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from attacks.membership_inference.vote_ratio import VoteRatio
from attacks.membership_inference.vote_ratio_exact import ExactVoteRatio
from attacks.toolkit.readers.votes import ballots
from attacks.toolkit.view import population_of
from attacks.toolkit.vote_likelihood import expected_auc
from attacks.toolkit.voting import vote_vectors
from harness.adversary.view import TargetView
from harness.attack import NoiseLaw
from harness.metrics.membership import auc
from harness.plugins.submission import Submission
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.scenario.membership import MembershipSecret
from harness.scenario.toy import toy_records
from harness.util.arrays import Floats
from harness.wire.coalition import SUM
from harness.wire.facts import VoteFacts
from scenarios.synthetic_fusion.build import assemble
from tests.stand_ins.live_view import live_view
from tests.stand_ins.rounds_view import RoundsView, with_facts
from tests.stand_ins.toy_fusion import toy_settings
from tests.stand_ins.vote_world import halving, world

SHADOWS = 4
NOISE = """
class Plugin(Defense):
    def send(self, message):
        if message.kind.value != "VOTE":
            return message
        return message.replace(**{name: self.me.gaussian(votes, clip=None, scale=%s)
                                  for name, votes in message.tensors().items()})
"""


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=60.0), fork_server=worker_server) as runner:
        yield runner


def deployed(folder: Path, method: str, **changes: Any) -> Deployment:
    options = {"canaries": 5, "average": 5, "canary_kind": "rare", "records": 24, "auxiliary": 16, "test": 4}
    settings = toy_settings(str(folder), method, **{**options, **changes})
    return assemble(settings, list(toy_records()), ("toy",))


def _nearness(x: Floats, texts: Floats, farthest: bool, number: int) -> tuple[float, int]:
    return float(np.square(x - texts[number]).sum()) * (-1 if farthest else 1), number


def all_targets(view: TargetView) -> Iterator[tuple[TargetView, dict[str, bool]]]:
    """The live run and every shadow in turn, with the truth."""
    secret = view.deployment.secrets["membership"]
    assert isinstance(secret, MembershipSecret)
    labels = secret.labels
    yield view, {name: bool(label) for name, label in labels.items()}
    for number in range(1, SHADOWS + 1):
        target = view.as_target(number, torch.Generator().manual_seed(number))
        yield target, dict(target.members())


@pytest.mark.slow
@pytest.mark.parametrize("aggregation", ["per_party", "sum"])
@pytest.mark.parametrize("method", ["aug_pe", "wasp"])
def test_without_noise_every_member_of_a_real_run_is_told(
    runner: Runner, toy_folder: Path, method: str, aggregation: str
) -> None:
    view = live_view(runner, deployed(toy_folder, method, aggregation=aggregation), shadows=SHADOWS)
    view = replace(view, informed=True)
    for canary in (True, False):
        scores, inside = [], []
        for target, members in all_targets(view):
            guess = ExactVoteRatio().guess(target)
            asked = [one.id for one in view.candidates if one.canary is canary]
            scores += [guess[name] for name in asked]
            inside += [int(members[name]) for name in asked]
        assert auc(scores, inside) == 1.0
        assert all((score > 0) == bool(label) for score, label in zip(scores, inside, strict=True))


def slow_ratio(view: TargetView, candidate: str, sigma: float) -> float:
    """Log density of every histogram if the candidate voted less that if it did not; everything counted one by one."""
    asked = next(c for c in view.candidates if c.id == candidate)
    rule, total = view.public.need(VoteFacts), 0.0
    parties = view.others(candidate)
    for ballot in ballots(view.transcript):
        if ballot.party not in (asked.party, SUM):
            continue
        voters = [r for p, records in parties.items() if ballot.party in (p, SUM) for r in records]
        texts, without = view.embed(list(ballot.texts)).double().numpy(), np.zeros(len(ballot.texts))
        vote = np.zeros(len(ballot.texts))
        for text, label, cells in [*((r.text, r.label, without) for r in voters), (asked.text, asked.label, vote)]:
            x = view.embed([text]).double().numpy()[0]
            own = [j for j, mark in enumerate(ballot.labels) if mark == label]
            own.sort(key=partial(_nearness, x, texts, ballot.farthest))
            for j, weight in zip(own, rule.weights, strict=False):
                cells[j] += weight
        spread = sigma * sqrt(len(parties) if ballot.party == SUM else 1)
        total += (norm(without + vote, spread).logpdf(ballot.votes) - norm(without, spread).logpdf(ballot.votes)).sum()
    return float(total)


@pytest.mark.parametrize(
    ("method", "aggregation"),
    [
        ("aug_pe", "per_party"),
        pytest.param("wasp", "sum", marks=pytest.mark.slow),
        pytest.param("wasp", "per_party", marks=pytest.mark.slow),
    ],
)
def test_scores_are_the_difference_of_two_densities(
    runner: Runner, toy_folder: Path, submission: Callable[..., Submission], method: str, aggregation: str
) -> None:
    deployment = deployed(toy_folder, method, aggregation=aggregation, rounds=3)
    view = live_view(runner, deployment, submission=submission(NOISE % 0.7), shadows=1)
    card = replace(view.defense, laws=(NoiseLaw("gaussian", 0.7),))
    view = replace(view, informed=True, defense=card)
    for target in (view, view.as_target(1, torch.Generator())):
        guess = ExactVoteRatio().guess(target)
        slow = {one.id: slow_ratio(target, one.id, 0.7) for one in view.candidates}
        assert guess == pytest.approx(slow, abs=1e-6)
        plain = ExactVoteRatio().guess(replace(target, adaptive=False))
        assert sorted(plain, key=plain.__getitem__) == sorted(guess, key=guess.__getitem__)


def worlds(number: int, **options: Any) -> list[RoundsView]:
    return [world(seed, **options) for seed in range(number)]


def known_worlds(number: int, *, protocol: dict[str, Any], **options: Any) -> list[RoundsView]:
    """For an attacker who estimates nothing: with few texts and hardly an auxiliary record they are drawn quickly."""
    return worlds(number, protocol={"texts": 20, **protocol}, auxiliary=2, candidates=2, **options)


def one_of_each(attack: Any, views: Sequence[RoundsView]) -> tuple[np.ndarray, np.ndarray]:
    """Score and truth of one candidate of every party of many worlds: its noise is its own."""
    scores, labels = [], []
    for seed, view in enumerate(views):
        guess, rng = attack.guess(view), np.random.default_rng(seed)
        parties = [SUM] if any(s.sender == SUM for s in view.transcript) else population_of(view.public).parties
        for party in parties:
            concerned = [one for one in view.candidates if party in (one.party, SUM)]
            drawn = concerned[int(rng.integers(len(concerned)))]
            scores.append(guess[drawn.id])
            labels.append(int(view.members[drawn.id]))
    return np.array(scores), np.array(labels)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sigma", "rounds", "ranks", "far"), [(1.0, 1, 1, False), (2.0, 4, 1, False), (1.5, 1, 4, True)]
)
def test_its_power_is_that_of_a_gaussian_shift(sigma: float, rounds: int, ranks: int, far: bool) -> None:
    """1200 scores of independent noise: a standard error of the AUC of at most 0.015, so three of them."""
    weights = halving(ranks)
    protocol = {"noise": sigma, "rounds": rounds, "far": far}
    laws = (NoiseLaw("gaussian", sigma),)
    views = known_worlds(300, protocol=protocol, weights=weights, laws=laws)
    scores, labels = one_of_each(ExactVoteRatio(), views)
    size = float(np.linalg.norm(weights)) * (sqrt(2) if far else 1)
    known = expected_auc(size, sigma, rounds)
    assert len(scores) == 1200
    assert auc(scores, labels) == pytest.approx(known, abs=3 * hanley(known, labels))
    # The ratio is a Gaussian of variance mu^2 around half of that, on either side.
    power = size**2 * rounds / sigma**2
    assert scores[labels == 1].mean() == pytest.approx(power / 2, abs=4 * sqrt(power / 600))
    assert scores[labels == 0].mean() == pytest.approx(-power / 2, abs=4 * sqrt(power / 600))
    assert scores.var() == pytest.approx(power + power**2 / 4, rel=0.25)


def hanley(area: float, labels: np.ndarray) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982)."""
    n, m = int(labels.sum()), int((1 - labels).sum())
    q, r = area / (2 - area), 2 * area**2 / (1 + area)
    return sqrt((area * (1 - area) + (n - 1) * (q - area**2) + (m - 1) * (r - area**2)) / n / m)


def test_noise_of_the_right_shape_is_chance_between_worlds() -> None:
    for protocol in ({"noise": 1e4}, {"noise": 1e4, "secure": True}):
        views = known_worlds(150, protocol=protocol, laws=(NoiseLaw("gaussian", 1e4),))
        scores, labels = one_of_each(ExactVoteRatio(), views)
        assert auc(scores, labels) == pytest.approx(0.5, abs=3 * hanley(0.5, labels))


def test_the_order_within_a_world_is_the_answer_whatever_was_released() -> None:
    """Informed guesses are compared between targets alone: of two candidates with the same vote the member's others
    hold one vote less, so that with any noise the same for both it scores higher."""
    orders = []
    for seed in range(20):
        view = world(seed, protocol={"noise": 1e4, "texts": 2}, laws=(NoiseLaw("gaussian", 1e4),))
        guess = ExactVoteRatio().guess(view)
        for kind in {(one.party, one.label) for one in view.candidates}:
            alike = [one.id for one in view.candidates if (one.party, one.label) == kind]
            inside = [int(view.members[name]) for name in alike]
            if 0 < sum(inside) < len(inside):
                orders.append(auc([guess[name] for name in alike], inside))
    assert np.mean(orders) > 0.6


@pytest.mark.slow
def test_it_is_stronger_than_an_estimated_background() -> None:
    crowd = worlds(100, protocol={"noise": 0.5}, laws=(NoiseLaw("gaussian", 0.5),), sizes=(60,))
    exact, labels = one_of_each(ExactVoteRatio(), crowd)
    estimate, same = one_of_each(VoteRatio(), crowd)
    assert (labels == same).all() and auc(exact, labels) > auc(estimate, labels) + 0.1


def test_where_nobody_voted_there_is_nothing_to_tell() -> None:
    view: RoundsView = world()
    view.transcript = []
    assert set(ExactVoteRatio().guess(view).values()) == {0.0}


def test_records_may_vote_across_classes() -> None:
    """Every record then votes among all texts; the attack recomputes just that."""
    view = world(seed=3)
    view.public = with_facts(view.public, VoteFacts((1.0,), by_class=False))
    ballot = ballots(view.transcript)[0]
    everyone = {party: [r.text for r in records] for party, records in view.held.items()}
    texts = view.cloud.embed(ballot.texts)
    votes = {p: vote_vectors(view.cloud.embed(lines), texts).sum(0) for p, lines in everyone.items()}
    for seen in view.transcript:
        if seen.sender in votes:
            seen.message.payload["votes"] = torch.from_numpy(votes[seen.sender])
    guess = ExactVoteRatio().guess(view)
    assert all((guess[name] > 0) == inside for name, inside in view.members.items())
