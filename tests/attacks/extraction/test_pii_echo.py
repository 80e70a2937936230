from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attacks.extraction.pii_echo import PiiEcho, find, found_items, scan, sought
from harness.attack import SeenMessage
from harness.scenario.membership import MembershipSecret
from harness.wire.coalition import SERVER
from harness.wire.facts import PublicTextFacts
from harness.wire.message import Kind, Message
from tests.stand_ins.rounds_view import Cloud, RoundsView, view_of, with_facts


def test_patterns_find_what_has_a_form() -> None:
    items = find(["Mail jo.do@mail.org or call +44 7700 900123", "from 10.0.0.12, GB29 NWBK 6016 1331 9268 19"])
    assert {("jo.do@mail.org",), ("44", "7700", "900123"), ("10.0.0.12",)} <= items
    assert ("gb29", "nwbk", "6016", "1331", "9268", "19") in items
    assert find(["nothing of 2017 here, 42 times"]) == set()


def test_pii_is_counted_beyond_what_the_holdout_finds() -> None:
    private = ["Anna Kern", "jo@mail.org", "42 Orchard Lane", "Peter"]
    holdout = ["Peter", "Max Holm", "kim@mail.org", "7 Elm Road"]
    texts = ["Dear anna kern, at 42 orchard lane.", "Write to kim@mail.org; Anna said no Kern."]
    result = scan(private, holdout, texts, public=["jo@mail.org"])
    assert result.found == (("42", "orchard", "lane"), ("anna", "kern"))
    assert result.recall == 1.0 and result.holdout_recall == pytest.approx(1 / 3)
    assert result.excess == pytest.approx(2 / 3) and result.precision == pytest.approx(0.75)
    assert found_items([("max", "holm")], texts) == set()
    assert scan([], [], texts).excess == 0.0


def test_texts_without_private_items_have_no_excess() -> None:
    rng = np.random.default_rng(0)
    names = [f"{a} {b}" for a in ("Ann", "Bo", "Cy", "Di") for b in ("Orr", "Poe", "Quill", "Ray", "Stone")]
    texts = [f"I met {names[i]} today" for i in rng.integers(20, size=8)]
    gaps = []
    for _ in range(200):
        order = rng.permutation(20)
        gaps.append(scan([names[i] for i in order[:10]], [names[i] for i in order[10:]], texts).excess)
    assert np.mean(gaps) == pytest.approx(0.0, abs=0.06)


class Directory(Cloud):
    """Texts that end in a number of their own, as a personal record does."""

    def draw(self, name: str) -> Any:
        text = f"{name} call {self.rng.integers(10**8, 10**9)}"
        self.vectors[text] = self.means[name] + self.scale * self.rng.normal(size=self.size)
        return text


def released_directory(seed: int, copied: Any) -> Any:
    """Parties release texts of random numbers, and the given share of their records word for word."""
    cloud, free = Directory(("red", "green"), seed=seed), np.random.default_rng([seed, 1])

    def protocol(held: Any, rng: np.random.Generator) -> Any:
        seen = []
        for party, classes in held.items():
            own = [text for texts in classes.values() for text in texts]
            copies = [text for text in own if rng.random() < copied]
            texts = [f"red call {free.integers(10**8, 10**9)}" for _ in own] + copies
            seen.append(SeenMessage(party, SERVER, Message(Kind.SYNTHETIC_TEXT, {"texts": texts})))
        return seen

    return view_of(cloud, protocol, parties=4, candidates=30, auxiliary=20, seed=seed)


def scanned(view: RoundsView) -> Any:
    attack = PiiEcho()
    scores = MembershipSecret({k: int(v) for k, v in view.members.items()}).score(attack.guess(view))
    return attack.facts(scores)["pii"]


def test_copies_of_five_percent_of_the_records_show_in_the_scan() -> None:
    """Recall is the share that was copied, and nothing of the holdout is found."""
    scans = [scanned(released_directory(seed, 0.05)) for seed in range(4)]
    assert np.mean([one["recall"] for one in scans]) == pytest.approx(0.05, abs=0.02)
    assert all(one["excess"] == one["recall"] > 0 and one["precision"] == 1.0 for one in scans)
    assert all(one["items"] + one["holdout_items"] == 240 for one in scans)


def test_the_scan_of_a_release_without_private_data_is_empty() -> None:
    rates = scanned(released_directory(0, 0.0))
    assert (rates["recall"], rates["excess"], rates["precision"]) == (0.0, 0.0, 0.0)


def test_facts_are_the_scan_of_members_minus_that_of_the_holdout() -> None:
    view = released_directory(1, 0.5)
    inside, outside = ([c.text for c in view.candidates if view.members[c.id] == k] for k in (True, False))
    texts = [text for seen in view.transcript for text in seen.message["texts"]]
    sides = [[" ".join(item) for item in find(side)] for side in (inside, outside)]
    known, rates = scan(sides[0], sides[1], texts), scanned(view)
    assert rates["recall"] == pytest.approx(known.recall) and rates["excess"] == pytest.approx(known.excess)
    assert rates["precision"] == known.precision


def test_items_of_two_candidates_or_of_public_texts_are_not_sought() -> None:
    view = released_directory(0, 0.0)
    some = view.candidates
    view.candidates = (some[0], replace(some[1], text=some[0].text), *some[2:])
    view.public = with_facts(view.public, PublicTextFacts((some[2].text,)))
    items = sought(view)
    assert not items[some[0].id] and not items[some[1].id] and not items[some[2].id]
    assert all(len(items[one.id]) == 1 for one in some[3:])
    assert PiiEcho().facts([]) == {}
