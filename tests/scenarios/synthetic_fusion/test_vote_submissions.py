"""Private votes keep their claim in the view that the server has; noise split over parties does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from pathlib import Path

import pytest
import torch

from harness.defense import PublicSide
from harness.dp.accounting import gaussian_epsilon
from harness.dp.claims import REFUTED, judge
from harness.dp.mechanisms import Mechanisms
from harness.plugins.submission import Submission, load_submission
from harness.runtime.host import load_defense_class
from harness.store.schema import LedgerEntry
from harness.wire.message import Kind, Message
from scenarios.synthetic_fusion.client import sensitivity
from scenarios.synthetic_fusion.votes import halving

ROOT = Path(__file__).resolve().parents[3] / "submissions"
BOUND = sensitivity(halving(8))


def ledger(found: Submission, point: int, parties: int, rounds: int, aggregation: str) -> list[LedgerEntry]:
    """What the harness notes when every party casts near and far votes in every round."""
    cls = load_defense_class(found.folder, found.target)
    entries: list[LedgerEntry] = []
    settings = {"rounds": rounds, "clients": parties, "aggregation": aggregation}
    for number in range(parties):
        defense = cls(**found.points[point].parameters)
        defense.me = Mechanisms(f"client{number}", torch.Generator().manual_seed(number))
        defense.setup((), PublicSide((), settings, {}, None))
        for message in votes(rounds):
            defense.me.begin(message)
            defense.me.end(defense.send(message))
        entries += defense.me.ledger()
    return entries


def votes(rounds: int) -> Iterator[Message]:
    for round_ in range(rounds):
        payload = {"votes": torch.rand(6), "far": torch.rand(6)}
        yield replace(Message(Kind.VOTE, payload, step=round_, round=round_), sensitivity=dict.fromkeys(payload, BOUND))


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("aggregation", ["sum", "per_party"])
def test_private_votes_spend_what_they_claim(aggregation: str, rounds: int) -> None:
    found = load_submission(ROOT / "dp_votes")
    sealed = frozenset({"VOTE"}) if aggregation == "sum" else frozenset[str]()
    for point in range(len(found.points)):
        claim = found.claim_at(point)
        assert claim is not None
        verdict = judge(claim, ledger(found, point, 4, rounds, aggregation), sealed)
        assert verdict.status == "holds", verdict.reason
        assert verdict.epsilon == pytest.approx(claim.epsilon, rel=1e-3)


def test_private_votes_of_a_sum_are_not_private_party_by_party() -> None:
    found = load_submission(ROOT / "dp_votes")
    claim = found.claim_at(1)
    assert claim is not None
    assert judge(claim, ledger(found, 1, 10, 1, "sum"), frozenset()).status == REFUTED


@pytest.mark.parametrize(("parties", "party_view"), [(10, 4.7), (100, 19.4)])
def test_noise_split_over_parties_is_refuted(parties: int, party_view: float) -> None:
    found = load_submission(ROOT / "wasp_split_noise")
    claim = found.claim_at(0)
    assert claim is not None
    entries = ledger(found, 0, parties, 1, "per_party")
    seen = judge(claim, entries, frozenset())
    assert seen.status == REFUTED
    assert seen.epsilon == pytest.approx(party_view, abs=0.05)
    summed = judge(claim, entries, frozenset({"VOTE"}))
    assert summed.status == "holds"
    assert summed.epsilon == pytest.approx(1.29, abs=0.01)


def test_the_norm_behind_those_numbers() -> None:
    assert BOUND.add_remove * sqrt(2) == pytest.approx(1.633, abs=1e-3)
    split = 4 * sqrt(2 * torch.log(torch.tensor(1.25e5)).item()) / 4 / sqrt(10)
    assert gaussian_epsilon(1.63298 / split, 1e-5) == pytest.approx(4.7, abs=0.05)
