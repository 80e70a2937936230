"""Rare runs of words in synthetic texts: the test, its bound on epsilon, and the attack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, kstest

from attacks.extraction.rare_disclosure import Disclosure, RareDisclosure, disclosure_bound
from attacks.toolkit.words import ngrams, words
from harness.attack import Attack, SeenMessage
from harness.errors import DataError
from harness.score.audit import one_run_bound, one_run_ceiling
from harness.store.schema import Score
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message
from tests.stand_ins.rounds_view import Cloud, view_of
from tests.stand_ins.word_generator import domain, generate


def rare_matches(
    sources: Sequence[str], synthetic: Iterable[str], *, size: int = 3, public: Iterable[str] = (), most: int = 1
) -> list[bool]:
    """Mark each source text that has a word n-gram of ``size`` that is rare and in the synthetic texts.

    Rare: in at most ``most`` of the sources, and in no public text. ``sources`` are both sides of the split, so that
    rarity treats them alike.
    """
    features = [set(ngrams(words(text), size)) for text in sources]
    often = Counter(feature for one in features for feature in one)
    known = {feature for text in public for feature in ngrams(words(text), size)}
    released = {feature for text in synthetic for feature in ngrams(words(text), size)} - known
    return [any(often[feature] <= most for feature in one & released) for one in features]


def disclosed(
    train: Sequence[str], holdout: Sequence[str], synthetic: Sequence[str], *, size: int = 3, public: Sequence[str] = ()
) -> Disclosure:
    """The counts of the disclosure test.

    Raises:
        DataError: one side is empty, or a text is on both sides.
    """
    twice = set(train) & set(holdout)
    if not train or not holdout or twice:
        raise DataError(
            f"a split into {len(train)} and {len(holdout)} texts with {len(twice)} on both sides: "
            "split distinct texts at random into two sides"
        )
    matches = rare_matches([*train, *holdout], synthetic, size=size, public=public)
    return Disclosure(sum(matches[: len(train)]), sum(matches[len(train) :]), len(train), len(holdout))


def scored(inside: Any, outside: Any, each: int = 100) -> Any:
    """So many members and others have a run of three words; the rest have none."""
    labels = {f"0:{i}": float(i < each) for i in range(2 * each)}
    hit = {*range(inside), *range(each, each + outside)}
    return {f"0:{i}": 3.0 if i in hit else 0.0 for i in range(2 * each)}, labels


@pytest.mark.parametrize(("inside", "outside"), [(20, 0), (30, 10), (12, 11), (100, 0), (0, 0)])
def test_equal_sides_make_it_the_one_run_bound_without_abstaining_matches(inside: int, outside: int) -> None:
    bound = disclosure_bound(*scored(inside, outside))
    matches = inside + outside
    if not matches:
        assert (bound.epsilon, bound.ceiling, bound.p_value) == (0.0, 0.0, 1.0)
        return
    known = one_run_bound(200, matches, inside)
    assert bound.epsilon == pytest.approx(known.epsilon, abs=1e-6)
    assert bound.ceiling == pytest.approx(one_run_ceiling(matches)) == pytest.approx(known.ceiling)
    assert bound.epsilon <= bound.ceiling + 1e-6
    assert (bound.epsilon == pytest.approx(bound.ceiling, abs=1e-6)) == (outside == 0)


def view(copied: Any, seed: int) -> Any:
    """Parties that release their own records word for word, or random texts of the same words."""
    cloud = Cloud(("red", "green"), seed=seed)

    def protocol(held: Any, rng: np.random.Generator) -> Any:
        seen = []
        for party, classes in held.items():
            texts = [t for some in classes.values() for t in some]
            free = [f"{rng.choice(cloud.classes)} {rng.integers(1000)}" for _ in texts]
            payload = {"texts": texts if copied else free}
            seen.append(SeenMessage(party, SERVER, Message(Kind.SYNTHETIC_TEXT, payload)))
        return seen

    return view_of(cloud, protocol, parties=4, candidates=10, auxiliary=5, seed=seed)


@pytest.mark.parametrize("copied", [True, False])
def test_the_attack_on_copies_reaches_the_ceiling_and_on_random_texts_nothing(copied: bool) -> None:
    bounds = []
    for seed in range(5):
        run = view(copied, seed)
        labels = {key: float(value) for key, value in run.members.items()}
        bounds.append(disclosure_bound(RareDisclosure().guess(run), labels))
    if copied:
        assert all(one.counts.matched_holdout == 0 and one.counts.matched_train == one.counts.train for one in bounds)
        assert min(one.epsilon for one in bounds) > 2
    else:
        assert np.mean([one.epsilon > 0 for one in bounds]) <= 0.2


def test_unequal_records_are_refused() -> None:
    scores, labels = scored(3, 1)
    with pytest.raises(DataError, match="same records"):
        disclosure_bound({**scores, "0:x": 1.0}, labels)
    with pytest.raises(DataError, match="0 members"):
        disclosure_bound({"a": 1.0}, {"a": 0.0})


def as_cell(scores: Any, labels: Any) -> list[Score]:
    """The scores as a cell stores them."""
    return [
        Score(record=key, metric=name, value=value)
        for name, values in (("score", scores), ("label", labels))
        for key, value in values.items()
    ]


def test_facts_of_the_attack_are_the_bound_beside_its_ceiling() -> None:
    scores, labels = scored(30, 10)
    known = disclosure_bound(scores, labels)
    shown = RareDisclosure().facts(as_cell(scores, labels))["bound"]
    assert shown == {"epsilon": known.epsilon, "ceiling": known.ceiling, "p_value": known.p_value, "alpha": known.alpha}
    assert 0 < shown["epsilon"] < shown["ceiling"]


def test_no_facts_without_both_sides_or_by_default() -> None:
    assert RareDisclosure().facts(as_cell({"0:a": 3.0}, {"0:a": 1.0})) == {}
    assert Attack().facts(as_cell(*scored(3, 1))) == {}


def test_the_lower_bound_of_unanimous_matches_is_its_ceiling() -> None:
    for k in (5, 20, 100):
        known = log(0.05 ** (1 / k) / (1 - 0.05 ** (1 / k)))
        assert Disclosure(k, 0, 500, 500).epsilon_lower_bound() == pytest.approx(max(known, 0.0), abs=1e-6)
    assert Disclosure(100, 0, 100, 100).epsilon_lower_bound() == pytest.approx(3.49, abs=0.01)


def test_the_test_is_binomial_with_odds_grown_by_epsilon() -> None:
    test = Disclosure(30, 10, 600, 400)
    share = np.exp(0.5) * 0.6 / (np.exp(0.5) * 0.6 + 0.4)
    assert test.p_value(0.5) == pytest.approx(sum(binom.pmf(k, 40, share) for k in range(30, 41)))
    bound = test.epsilon_lower_bound()
    assert test.p_value(bound) == pytest.approx(0.05)
    assert Disclosure(20, 20, 500, 500).epsilon_lower_bound() == 0.0
    assert Disclosure(0, 0, 5, 5).p_value() == 1.0


def test_without_learning_p_values_are_uniform() -> None:
    """Synthetic texts of the domain, none of the sources: matches are chance. Discrete, so made continuous."""
    rng, values = np.random.default_rng(0), []
    for _ in range(120):
        texts = list(dict.fromkeys(domain(300, rng)))
        counts = disclosed(texts[:150], texts[150:], domain(15, rng), size=3)
        k, matches = counts.matched_train, counts.matched_train + counts.matched_holdout
        share = 150 / len(texts)
        values.append(binom.sf(k, matches, share) + rng.random() * binom.pmf(k, matches, share))
    assert kstest(values, "uniform").pvalue > 0.01
    assert np.mean(values) == pytest.approx(0.5, abs=0.08)


def test_verbatim_copies_of_one_percent_of_the_records_are_found() -> None:
    rng = np.random.default_rng(0)
    texts = list(dict.fromkeys(f"{a} serial {rng.integers(10**9)} {rng.integers(10**9)}" for a in domain(5000, rng)))
    train, holdout = texts[:2500], texts[2500:]
    clean = domain(300, rng)
    assert disclosed(train, holdout, clean).p_value() > 0.001
    counts = disclosed(train, holdout, clean + train[:25], public=clean)
    assert counts.p_value() < 1e-6 and counts.epsilon_lower_bound() > 1.5


def test_a_generator_that_memorises_is_disclosed() -> None:
    rng = np.random.default_rng(1)
    texts = list(dict.fromkeys(domain(200, rng)))
    counts = disclosed(texts[:100], texts[100:], generate(texts[:100], 150, rng), size=4)
    assert counts.matched_train > 3 * counts.matched_holdout and counts.p_value() < 1e-6


def test_rare_features_are_in_one_record_and_in_no_public_text() -> None:
    sources = ["a b c", "a b c d", "x y z", "p q r"]
    assert rare_matches(sources, ["a b c", "b c d", "x y z", "p q r"], public=["say p q r now"]) == [
        False,
        True,
        True,
        False,
    ]
    assert rare_matches(sources, ["a b c"], most=2) == [True, True, False, False]
    with pytest.raises(DataError, match="1 on both sides"):
        disclosed(["a"], ["a"], [])
