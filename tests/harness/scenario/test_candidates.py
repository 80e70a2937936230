"""Candidates: fair coins, canaries that fit their party, ids and order that tell nothing."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pytest

from harness.data.record import content_id, make
from harness.errors import DataError
from harness.scenario.candidates import choose, held, rarity


def parts(size: int = 40) -> Any:
    """Two parties with disjoint label sets, and one of a single label."""
    names = {"client0": "ab", "client1": "cd", "client2": "e"}
    return {
        party: tuple(make(f"{party} says {i}", label=labels[i % len(labels)]) for i in range(size))
        for party, labels in names.items()
    }


def rng(seed: int = 0) -> Any:
    return np.random.default_rng(seed)


def test_sizes_truth_and_holdings_agree() -> None:
    chosen = choose(parts(), canaries=30, average=20, rng=rng())
    assert len(chosen.candidates) == 50 and sum(c.canary for c in chosen.candidates) == 30
    assert [c.id for c in chosen.candidates] == [f"k{i}" for i in range(50)]
    inside = {content_id(item.text): party for party, items in chosen.records().items() for item in items}
    for candidate in chosen.candidates:
        assert inside.get(content_id(candidate.text)) == (candidate.party if chosen.members[candidate.id] else None)
    assert len(inside) == 120 - 50 + sum(chosen.members.values())
    secret = chosen.secret()
    assert sum(secret.labels.values()) == sum(chosen.members.values()) and len(secret.canaries) == 30


def test_mislabelled_canaries_bring_no_new_class() -> None:
    chosen = choose(parts(), canaries=60, average=10, rng=rng())
    truth = {r.text: r.label for records in parts().values() for r in records}
    for candidate in chosen.candidates:
        assert (candidate.label != truth[candidate.text]) == candidate.canary
        if candidate.canary:
            assert candidate.label in {r.label for r in parts()[candidate.party]} and candidate.party != "client2"


def test_coins_are_fair_and_independent_of_everything() -> None:
    draws = [choose(parts(), canaries=10, average=10, rng=rng(seed)) for seed in range(300)]
    share = np.mean([list(d.members.values()) for d in draws], axis=0)
    assert abs(share - 0.5).max() < 5 * 0.5 / 300**0.5
    canary = np.mean([d.members[c.id] for d in draws for c in d.candidates if c.canary])
    assert abs(canary - 0.5) < 0.04


def test_ids_and_order_tell_nothing() -> None:
    """A member's place among its party's records is uniform; ids count places."""
    places = []
    for seed in range(60):
        named = {p: tuple(make(f"{p} {seed} {i}", label="ab"[i % 2]) for i in range(20)) for p in ("x", "y")}
        chosen = choose(named, canaries=10, average=0, rng=rng(seed))
        asked = {content_id(c.text) for c in chosen.candidates}
        for party, items in chosen.records().items():
            assert [item.id for item in items] == [f"{party}.r{i}" for i in range(len(items))]
            places += [i / (len(items) - 1) for i, item in enumerate(items) if content_id(item.text) in asked]
    assert abs(np.mean(places) - 0.5) < 5 * 0.3 / len(places) ** 0.5


def test_held_takes_any_others() -> None:
    chosen = choose(parts(), canaries=4, average=0, rng=rng())
    nobody = held(chosen.candidates, dict.fromkeys(chosen.members, False), {"client0": [make("another", label="z")]})
    assert [(i.id, i.text, i.label) for i in nobody["client0"]] == [("client0.r0", "another", "z")]


def test_rare_canaries_are_the_rarest_and_keep_their_label() -> None:
    texts = ["the cat sat", "the cat ran", "the cat slept", "zebra quagga okapi", "the dog sat"]
    scores = rarity(texts)
    assert max(scores) == scores[3]
    records = [make(text, label="ab"[i % 2]) for i, text in enumerate(texts)]
    chosen = choose({"p": records}, canaries=1, average=1, rng=rng(), how="rare")
    (canary,) = [c for c in chosen.candidates if c.canary]
    assert (canary.text, canary.label) == ("zebra quagga okapi", "b")
    assert Counter(re.match(r"k\d+$", c.id) is not None for c in chosen.candidates) == {True: 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"canaries": 100, "average": 21}, "100 canaries and 21 average candidates of 120 records"),
        ({"canaries": -1, "average": 0}, "-1 canaries"),
        ({"canaries": 100, "average": 0}, "parties of two labels hold 80 records"),
        ({"canaries": 1, "average": 0, "how": "odd"}, "choose one of mislabelled, rare"),
    ],
)
def test_refusals(options: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        choose(parts(), rng=rng(), **options)


def test_overlapping_parties_are_refused() -> None:
    shared = {"x": parts()["client0"], "y": parts()["client0"][:1]}
    with pytest.raises(DataError, match=r"2 records overlap.*client0 says 0"):
        choose(shared, canaries=1, average=1, rng=rng())
