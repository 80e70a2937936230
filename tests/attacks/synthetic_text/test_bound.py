"""Epsilon from a scored disclosure attack: the one-run bound where both sides are equally large, never above its
ceiling there, and nothing by chance."""

from __future__ import annotations

import numpy as np
import pytest

from attacks.synthetic_text.bound import disclosure_bound
from attacks.synthetic_text.disclosure import RareDisclosure
from harness.attack import Attack, SeenMessage
from harness.errors import DataError
from harness.score.audit import one_run_bound, one_run_ceiling
from harness.store.schema import Score
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message
from tests.attacks.rounds_lab import Cloud, view_of


def scored(inside, outside, each=100):
    """So many members and others have a run of three words; the rest have none."""
    labels = {f"0:{i}": float(i < each) for i in range(2 * each)}
    hit = {*range(inside), *range(each, each + outside)}
    return {f"0:{i}": 3.0 if i in hit else 0.0 for i in range(2 * each)}, labels


@pytest.mark.parametrize(("inside", "outside"), [(20, 0), (30, 10), (12, 11), (100, 0), (0, 0)])
def test_equal_sides_make_it_the_one_run_bound_without_abstaining_matches(inside, outside):
    found = disclosure_bound(*scored(inside, outside))
    matches = inside + outside
    if not matches:
        assert (found.epsilon, found.ceiling, found.p_value) == (0.0, 0.0, 1.0)
        return
    known = one_run_bound(200, matches, inside)
    assert found.epsilon == pytest.approx(known.epsilon, abs=1e-6)
    assert found.ceiling == pytest.approx(one_run_ceiling(matches)) == pytest.approx(known.ceiling)
    assert found.epsilon <= found.ceiling + 1e-6
    assert (found.epsilon == pytest.approx(found.ceiling, abs=1e-6)) == (outside == 0)


def view(copied, seed):
    """Parties that release their own records word for word, or random texts of the same words."""
    cloud = Cloud(("red", "green"), seed=seed)

    def protocol(held, rng):
        seen = []
        for party, classes in held.items():
            texts = [t for some in classes.values() for t in some]
            free = [f"{rng.choice(cloud.classes)} {rng.integers(1000)}" for _ in texts]
            payload = {"texts": texts if copied else free}
            seen.append(SeenMessage(party, SERVER, Message(Kind.SYNTHETIC_TEXT, payload)))
        return seen

    return view_of(cloud, protocol, parties=4, candidates=10, auxiliary=5, seed=seed)


@pytest.mark.parametrize("copied", [True, False])
def test_the_attack_on_copies_reaches_the_ceiling_and_on_random_texts_nothing(copied):
    found = []
    for seed in range(5):
        run = view(copied, seed)
        labels = {key: float(value) for key, value in run.members.items()}
        found.append(disclosure_bound(RareDisclosure().guess(run), labels))
    if copied:
        assert all(one.counts.matched_holdout == 0 and one.counts.matched_train == one.counts.train for one in found)
        assert min(one.epsilon for one in found) > 2
    else:
        assert np.mean([one.epsilon > 0 for one in found]) <= 0.2


def test_unequal_records_are_refused():
    scores, labels = scored(3, 1)
    with pytest.raises(DataError, match="same records"):
        disclosure_bound({**scores, "0:x": 1.0}, labels)
    with pytest.raises(DataError, match="0 members"):
        disclosure_bound({"a": 1.0}, {"a": 0.0})


def as_cell(scores, labels):
    """The scores as a cell stores them."""
    return [
        Score(record=key, metric=name, value=value)
        for name, values in (("score", scores), ("label", labels))
        for key, value in values.items()
    ]


def test_facts_of_the_attack_are_the_bound_beside_its_ceiling():
    scores, labels = scored(30, 10)
    known = disclosure_bound(scores, labels)
    shown = RareDisclosure().facts(as_cell(scores, labels))["bound"]
    assert shown == {
        "epsilon": known.epsilon, "ceiling": known.ceiling, "p_value": known.p_value, "alpha": known.alpha
    }  # fmt: skip
    assert 0 < shown["epsilon"] < shown["ceiling"]


def test_no_facts_without_both_sides_or_by_default():
    assert RareDisclosure().facts(as_cell({"0:a": 3.0}, {"0:a": 1.0})) == {}
    assert Attack().facts(as_cell(*scored(3, 1))) == {}
