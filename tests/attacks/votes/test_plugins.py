"""The attacks on votes as plugins, on runs of a toy protocol."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attacks.votes import ATTACKS
from attacks.votes.ratio import TopVoted, VoteProbe, VoteRatio
from attacks.votes.reading import ballots, noise_of
from attacks.votes.rules import halving, vote_vectors
from attacks.votes.shares import VoteShares
from harness.attack import Attack, NoiseLaw, SeenMessage
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.plugins.registry import load
from harness.scenario.aggregate import DistributionSecret
from harness.scenario.membership import MembershipSecret
from harness.wire.coalition import SERVER, SUM
from harness.wire.message import Kind, Message
from tests.attacks.rounds_lab import Cloud, view_of


def polling(cloud, *, rounds=1, weights=(1.0,), noise=0.0, secure=False, probe=False, texts=60, far=False):
    """Each round the server puts synthetic texts to the vote, with ``probe`` the candidates among them."""
    pool = [(name, cloud.draw(name)) for name in cloud.classes for _ in range(texts)]

    def protocol(held, rng):
        seen = []
        # The pool was drawn first, then the candidates: 4 for each of 4 parties and every class.
        copies = list(cloud.vectors)[len(pool) :][: 16 * len(cloud.classes)] if probe else []
        probes = [(text.split()[0], text) for text in copies]
        for round_ in range(rounds):
            asked = [pool[i] for i in rng.choice(len(pool), len(pool) // 2, replace=False)] + probes
            marks, lines = [name for name, _ in asked], [text for _, text in asked]
            cast = {}
            for party, classes in held.items():
                seen.append(SeenMessage(SERVER, party, Message(Kind.SYNTHETIC_TEXT, {"texts": lines, "labels": marks})))
                owners = [name for name, inside in classes.items() for _ in inside]
                records = cloud.embed([text for inside in classes.values() for text in inside])
                for field, farthest in (("votes", False), ("far", True)):
                    votes = vote_vectors(records, cloud.embed(lines), weights, classes=(owners, marks),
                                         farthest=farthest).sum(0)  # fmt: skip
                    cast[party, field] = torch.from_numpy(votes + noise * rng.normal(size=len(votes)))
            senders = {SUM: list(held)} if secure else {party: [party] for party in held}
            for sender, those in senders.items():
                payload = {f: sum(cast[p, f] for p in those) for f in (("votes", "far") if far else ("votes",))}
                seen.append(SeenMessage(sender, SERVER, Message(Kind.VOTE, payload, round=round_)))
        return seen

    return protocol


def world(seed=0, made=None, weights=(1.0,), size=8, **options):
    cloud = Cloud(seed=seed, size=size)
    facts = {"votes": {"weights": list(weights), "by_class": True}}
    return view_of(cloud, polling(cloud, weights=weights, **(made or {})), seed=seed, facts=facts, **options)


def power(attack, view):
    guess = attack.guess(view)
    assert len(MembershipSecret({k: int(v) for k, v in view.members.items()}).score(guess)) == 3 * len(view.candidates)
    return auc([guess[one.id] for one in view.candidates], view.labels)


def mean_power(attack, seeds=4, **options):
    return np.mean([power(attack, world(seed, **options)) for seed in range(seeds)])


@pytest.mark.parametrize("weights", [(1.0,), halving(4)])
def test_votes_give_members_away(weights):
    one = mean_power(VoteRatio(), weights=weights)
    many = mean_power(VoteRatio(), weights=weights, made={"rounds": 4})
    baseline = mean_power(TopVoted(), weights=weights)
    assert one > 0.7 and many > one and many > baseline + 0.1


def test_noise_alone_is_chance():
    for attack in (VoteRatio(), VoteProbe(), TopVoted()):
        found = mean_power(attack, seeds=6, made={"noise": 1e4, "probe": True})
        assert found == pytest.approx(0.5, abs=0.1)


def test_the_adaptive_variant_knows_the_noise_or_reads_it_below_zero():
    made, laws = {"noise": 0.5, "rounds": 4}, (NoiseLaw("gaussian", 0.5),)
    told = mean_power(VoteRatio(), made=made, laws=laws, seeds=6)
    read = mean_power(VoteRatio(), made=made, seeds=6)
    unaware = mean_power(VoteRatio(), made=made, seeds=6, adaptive=False)
    assert told > unaware + 0.02
    assert read > unaware + 0.02
    histogram = np.random.default_rng(0).normal(scale=2.0, size=5000)
    assert noise_of([histogram]) == pytest.approx(2.0, rel=0.05)
    assert noise_of([np.ones(3)]) == 0.0 == noise_of([])


def test_a_party_alone_tells_more_than_the_sum():
    assert mean_power(VoteRatio()) > mean_power(VoteRatio(), made={"secure": True}) + 0.05
    assert mean_power(VoteRatio()) >= mean_power(VoteRatio(by_party=False))


def test_probes_see_members_exactly_without_noise():
    """In few dimensions a neighbour may vote for the probe of a record that is not there; in many, nobody does."""
    assert mean_power(VoteProbe(), made={"probe": True}) > 0.9
    assert mean_power(VoteProbe(), made={"probe": True, "texts": 200}, size=64, sizes=(3,)) > 0.99
    assert set(VoteProbe().guess(world()).values()) == {0.0}


def test_probes_under_known_noise_have_the_power_of_one_vote():
    """In many dimensions and among many texts hardly anyone else votes for a probe: its background is known."""
    from attacks.votes.likelihood import expected_auc

    room = {"laws": (NoiseLaw("gaussian", 1.0),), "size": 64, "sizes": (3,)}
    found = mean_power(VoteProbe(), seeds=100, made={"probe": True, "noise": 1.0, "rounds": 2, "texts": 200}, **room)
    assert found == pytest.approx(expected_auc(1.0, 1.0, rounds=2), abs=0.02)


def test_far_votes_and_shadows_are_used():
    near = mean_power(VoteRatio(), weights=halving(4))
    both = mean_power(VoteRatio(), weights=halving(4), made={"far": True})
    assert both > near
    shadows = mean_power(VoteRatio(shadows=5), weights=halving(4), shadows=5, seeds=2)
    assert shadows > mean_power(VoteRatio(), weights=halving(4), seeds=2) - 0.03


def distance(view):
    truth = {p: {c: n / sum(row.values()) for c, n in row.items()} for p, row in view.truth["counts"].items()}
    scores = DistributionSecret(truth).score(VoteShares().guess(view))
    return np.mean([s.value for s in scores if s.metric == "tv"])


def test_class_shares_are_exact_without_noise_and_hidden_by_much():
    sizes = {"sizes": (1, 8, 30)}
    assert distance(world(**sizes)) == pytest.approx(0.0, abs=1e-12)
    assert distance(world(**sizes, made={"noise": 0.5, "rounds": 4})) < 0.1
    assert distance(world(**sizes, made={"noise": 1e4})) > 0.2
    assert distance(world(**sizes, made={"secure": True})) > 0.05


def test_what_is_missing_is_named():
    view = world()
    assert {b.party for b in ballots(view.transcript)} == set(view.public.facts["parties"])
    view.public.facts.pop("votes")
    with pytest.raises(SuiteError, match="weights"):
        VoteRatio().guess(view)
    odd = [SeenMessage("a", SERVER, Message(Kind.VOTE, {"votes": torch.zeros(3)}))]
    with pytest.raises(SuiteError, match="3 votes in round 0, but 0 texts"):
        ballots(odd)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_registered_and_described(name):
    attack = load("attack", name)
    assert isinstance(attack, type) and issubclass(attack, Attack)
    assert attack.name == name and attack.summary and attack.source and attack.secret
