"""Membership from votes, on runs of a toy protocol."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from attacks.membership_inference.top_voted import TopVoted
from attacks.membership_inference.vote_probe import VoteProbe
from attacks.membership_inference.vote_ratio import VoteRatio
from attacks.toolkit.readers.votes import ballots, noise_of
from attacks.toolkit.view import population_of
from harness.attack import NoiseLaw, SeenMessage
from harness.errors import DataError, SuiteError
from harness.wire.coalition import SERVER
from harness.wire.facts import VoteFacts
from harness.wire.message import Kind, Message
from tests.stand_ins.rounds_view import without_facts
from tests.stand_ins.vote_world import halving, mean_power, world


@pytest.mark.parametrize("weights", [(1.0,), halving(4)])
def test_votes_give_members_away(weights: Any) -> None:
    single = mean_power(VoteRatio(), weights=weights)
    many = mean_power(VoteRatio(), weights=weights, protocol={"rounds": 4})
    baseline = mean_power(TopVoted(), weights=weights)
    assert single > 0.7 and many > single and many > baseline + 0.1


def test_noise_alone_is_chance() -> None:
    for attack in (VoteRatio(), VoteProbe(), TopVoted()):
        reached = mean_power(attack, seeds=6, protocol={"noise": 1e4, "probe": True})
        assert reached == pytest.approx(0.5, abs=0.1)


def test_the_adaptive_variant_knows_the_noise_or_reads_it_below_zero() -> None:
    protocol, laws = {"noise": 0.5, "rounds": 4}, (NoiseLaw("gaussian", 0.5),)
    declared = mean_power(VoteRatio(), protocol=protocol, laws=laws, seeds=6)
    read = mean_power(VoteRatio(), protocol=protocol, seeds=6)
    unaware = mean_power(VoteRatio(), protocol=protocol, seeds=6, adaptive=False)
    assert declared > unaware + 0.02
    assert read > unaware + 0.02
    histogram = np.random.default_rng(0).normal(scale=2.0, size=5000)
    assert noise_of([histogram]) == pytest.approx(2.0, rel=0.05)
    assert noise_of([np.ones(3)]) == 0.0 == noise_of([])


def test_a_party_alone_tells_more_than_the_sum() -> None:
    assert mean_power(VoteRatio()) > mean_power(VoteRatio(), protocol={"secure": True}) + 0.05
    assert mean_power(VoteRatio()) >= mean_power(VoteRatio(by_party=False))


def test_probes_see_members_exactly_without_noise() -> None:
    """In few dimensions a neighbour may vote for the probe of a record that is not there; in many, nobody does."""
    assert mean_power(VoteProbe(), protocol={"probe": True}) > 0.9
    assert mean_power(VoteProbe(), protocol={"probe": True, "texts": 200}, size=64, sizes=(3,)) > 0.99
    assert set(VoteProbe().guess(world()).values()) == {0.0}


@pytest.mark.slow
def test_probes_under_known_noise_have_the_power_of_one_vote() -> None:
    """In many dimensions and among many texts hardly anyone else votes for a probe: its background is known."""
    from attacks.toolkit.vote_likelihood import expected_auc

    space = {"laws": (NoiseLaw("gaussian", 1.0),), "size": 64, "sizes": (3,)}
    reached = mean_power(
        VoteProbe(), seeds=100, protocol={"probe": True, "noise": 1.0, "rounds": 2, "texts": 200}, **space
    )
    assert reached == pytest.approx(expected_auc(1.0, 1.0, rounds=2), abs=0.02)


def test_far_votes_and_shadows_are_used() -> None:
    near = mean_power(VoteRatio(), weights=halving(4))
    both = mean_power(VoteRatio(), weights=halving(4), protocol={"far": True})
    assert both > near
    shadows = mean_power(VoteRatio(shadows=5), weights=halving(4), shadows=5, seeds=2)
    assert shadows > mean_power(VoteRatio(), weights=halving(4), seeds=2) - 0.03


def test_what_is_missing_is_named() -> None:
    view = world()
    assert {b.party for b in ballots(view.transcript)} == set(population_of(view.public).parties)
    view.public = without_facts(view.public, VoteFacts)
    assert "VoteFacts" in str(VoteRatio().refuses(view.public))
    with pytest.raises(DataError, match="no VoteFacts public"):
        VoteRatio().guess(view)
    odd = [SeenMessage("a", SERVER, Message(Kind.VOTE, {"votes": torch.zeros(3)}))]
    with pytest.raises(SuiteError, match="3 votes in round 0, but 0 texts"):
        ballots(odd)
