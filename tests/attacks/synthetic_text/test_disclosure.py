from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest
from scipy.stats import binom, kstest, skewnorm

from attacks.synthetic_text.disclosure import PiiEcho, sought
from attacks.synthetic_text.distance import nearest_distance, nearest_distances
from attacks.synthetic_text.exposure import exposure, extrapolated_exposure, sequence_losses
from attacks.synthetic_text.phantoms import Disclosure, disclosed, rare_matches
from attacks.synthetic_text.pii import find, found_items, scan
from harness.attack import SeenMessage
from harness.errors import DataError
from harness.scenario.membership import MembershipSecret
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message
from tests.attacks.rounds_lab import Cloud, view_of
from tests.attacks.synthetic_text.generator import domain, generate


def test_the_lower_bound_of_unanimous_matches_is_its_ceiling():
    for k in (5, 20, 100):
        known = log(0.05 ** (1 / k) / (1 - 0.05 ** (1 / k)))
        assert Disclosure(k, 0, 500, 500).epsilon_lower_bound() == pytest.approx(max(known, 0.0), abs=1e-6)
    assert Disclosure(100, 0, 100, 100).epsilon_lower_bound() == pytest.approx(3.49, abs=0.01)


def test_the_test_is_binomial_with_odds_grown_by_epsilon():
    one = Disclosure(30, 10, 600, 400)
    share = np.exp(0.5) * 0.6 / (np.exp(0.5) * 0.6 + 0.4)
    assert one.p_value(0.5) == pytest.approx(sum(binom.pmf(k, 40, share) for k in range(30, 41)))
    bound = one.epsilon_lower_bound()
    assert one.p_value(bound) == pytest.approx(0.05)
    assert Disclosure(20, 20, 500, 500).epsilon_lower_bound() == 0.0
    assert Disclosure(0, 0, 5, 5).p_value() == 1.0


def test_without_learning_p_values_are_uniform():
    """Synthetic texts of the domain, none of the sources: matches are chance. Discrete, so made continuous."""
    rng, values = np.random.default_rng(0), []
    for _ in range(120):
        texts = list(dict.fromkeys(domain(300, rng)))
        found = disclosed(texts[:150], texts[150:], domain(15, rng), size=3)
        k, matches = found.matched_train, found.matched_train + found.matched_holdout
        share = 150 / len(texts)
        values.append(binom.sf(k, matches, share) + rng.random() * binom.pmf(k, matches, share))
    assert kstest(values, "uniform").pvalue > 0.01
    assert np.mean(values) == pytest.approx(0.5, abs=0.08)


def test_verbatim_copies_of_one_percent_of_the_records_are_found():
    rng = np.random.default_rng(0)
    texts = list(dict.fromkeys(f"{a} serial {rng.integers(10**9)} {rng.integers(10**9)}" for a in domain(5000, rng)))
    train, holdout = texts[:2500], texts[2500:]
    clean = domain(300, rng)
    assert disclosed(train, holdout, clean).p_value() > 0.001
    found = disclosed(train, holdout, clean + train[:25], public=clean)
    assert found.p_value() < 1e-6 and found.epsilon_lower_bound() > 1.5


def test_a_generator_that_memorises_is_disclosed():
    rng = np.random.default_rng(1)
    texts = list(dict.fromkeys(domain(200, rng)))
    found = disclosed(texts[:100], texts[100:], generate(texts[:100], 150, rng), size=4)
    assert found.matched_train > 3 * found.matched_holdout and found.p_value() < 1e-6


def test_rare_features_are_in_one_record_and_in_no_public_text():
    sources = ["a b c", "a b c d", "x y z", "p q r"]
    assert rare_matches(sources, ["a b c", "b c d", "x y z", "p q r"], public=["say p q r now"]) == [
        False, True, True, False,
    ]  # fmt: skip
    assert rare_matches(sources, ["a b c"], most=2) == [True, True, False, False]
    with pytest.raises(DataError, match="1 on both sides"):
        disclosed(["a"], ["a"], [])


def test_patterns_find_what_has_a_form():
    found = find(["Mail jo.do@mail.org or call +44 7700 900123", "from 10.0.0.12, GB29 NWBK 6016 1331 9268 19"])
    assert {("jo.do@mail.org",), ("44", "7700", "900123"), ("10.0.0.12",)} <= found
    assert ("gb29", "nwbk", "6016", "1331", "9268", "19") in found
    assert find(["nothing of 2017 here, 42 times"]) == set()


def test_pii_is_counted_beyond_what_the_holdout_finds():
    private = ["Anna Kern", "jo@mail.org", "42 Orchard Lane", "Peter"]
    holdout = ["Peter", "Max Holm", "kim@mail.org", "7 Elm Road"]
    texts = ["Dear anna kern, at 42 orchard lane.", "Write to kim@mail.org; Anna said no Kern."]
    found = scan(private, holdout, texts, public=["jo@mail.org"])
    assert found.found == (("42", "orchard", "lane"), ("anna", "kern"))
    assert found.recall == 1.0 and found.holdout_recall == pytest.approx(1 / 3)
    assert found.excess == pytest.approx(2 / 3) and found.precision == pytest.approx(0.75)
    assert found_items([("max", "holm")], texts) == set()
    assert scan([], [], texts).excess == 0.0


def test_texts_without_private_items_have_no_excess():
    rng = np.random.default_rng(0)
    names = [f"{a} {b}" for a in ("Ann", "Bo", "Cy", "Di") for b in ("Orr", "Poe", "Quill", "Ray", "Stone")]
    texts = [f"I met {names[i]} today" for i in rng.integers(20, size=8)]
    gaps = []
    for _ in range(200):
        order = rng.permutation(20)
        gaps.append(scan([names[i] for i in order[:10]], [names[i] for i in order[10:]], texts).excess)
    assert np.mean(gaps) == pytest.approx(0.0, abs=0.06)


def test_exposure_is_a_rank_in_bits():
    references = np.arange(1.0, 1024.0)
    assert exposure(0.0, references) == 10.0
    assert exposure(511.5, references) == pytest.approx(1.0)
    assert exposure(5000.0, references) == 0.0
    assert exposure(1.0, np.ones(3)) == pytest.approx(np.log2(4 / 2.5))
    with pytest.raises(DataError, match="at least one"):
        exposure(1.0, np.zeros(0))


def test_exposure_of_what_was_never_inserted_is_exponential():
    """Its mean is log2(e) bits, and t bits or more have probability 2^-t."""
    rng = np.random.default_rng(0)
    bits = np.array([exposure(rng.normal(), rng.normal(size=2000)) for _ in range(1500)])
    assert bits.mean() == pytest.approx(np.log2(np.e), abs=0.12)
    assert (bits >= 3).mean() == pytest.approx(1 / 8, abs=0.03)


def test_extrapolation_agrees_with_ranks_and_goes_beyond_them():
    rng = np.random.default_rng(0)
    references = skewnorm.rvs(3, size=1500, random_state=rng)
    inside = float(np.quantile(references, 1 / 64))
    assert extrapolated_exposure(inside, references) == pytest.approx(exposure(inside, references), abs=0.6)
    assert extrapolated_exposure(references.min() - 1, references) > np.log2(1501)
    assert extrapolated_exposure(1e6, references) == pytest.approx(0.0, abs=1e-6)


def test_losses_are_those_of_torch():
    import torch

    rng = np.random.default_rng(0)
    logits, tokens = rng.normal(size=(3, 6, 11)), rng.integers(0, 11, size=(3, 6))
    slow = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits[:, 1:-1]).flatten(0, 1), torch.from_numpy(tokens[:, 2:]).flatten(), reduction="none"
    )
    np.testing.assert_allclose(sequence_losses(logits, tokens, 2), slow.view(3, -1).sum(1).numpy())
    with pytest.raises(DataError, match="1 to the last"):
        sequence_losses(logits, tokens, 6)


def test_a_memorised_canary_is_exposed():
    """A bigram model of texts with one number repeated: the number is far more likely than any other."""
    from attacks.synthetic_text.echo import BigramModel

    rng = np.random.default_rng(0)
    numbers = [" ".join(rng.permutation([*"0123456789"])[:6]) for _ in range(512)]
    inserted = BigramModel([*domain(100, rng), *["the code is " + numbers[0]] * 16])
    without = BigramModel(domain(100, rng))
    losses = [np.array([-m.log_probability("the code is " + n) for n in numbers]) for m in (inserted, without)]
    assert exposure(losses[0][0], losses[0][1:]) == 9.0
    assert exposure(losses[1][0], losses[1][1:]) < 3


def test_nearest_distances_tell_copies_and_nothing_else():
    rng = np.random.default_rng(0)
    train, holdout = rng.normal(size=(300, 6)), rng.normal(size=(300, 6))
    slow = [min(np.linalg.norm(x - y) for y in holdout[:20]) for x in train[:10]]
    np.testing.assert_allclose(nearest_distance(train[:10], holdout[:20]), slow)
    control = nearest_distances(train, holdout, rng.normal(size=(400, 6)))
    assert control.share == pytest.approx(0.5, abs=0.08) and control.auc == pytest.approx(0.5, abs=0.06)
    copied = nearest_distances(train, holdout, train[:200] + 0.05 * rng.normal(size=(200, 6)))
    assert copied.share > 0.95 and copied.auc > 0.7 and copied.p_value < 1e-6
    with pytest.raises(DataError, match="empty"):
        nearest_distances(train, holdout, train[:0])


class Directory(Cloud):
    """Texts that end in a number of their own, as a personal record does."""

    def draw(self, name):
        text = f"{name} call {self.rng.integers(10**8, 10**9)}"
        self.vectors[text] = self.means[name] + self.scale * self.rng.normal(size=self.size)
        return text


def released_directory(seed, copied):
    """Parties release texts of random numbers, and the given share of their records word for word."""
    cloud, free = Directory(("red", "green"), seed=seed), np.random.default_rng([seed, 1])

    def protocol(held, rng):
        seen = []
        for party, classes in held.items():
            own = [text for texts in classes.values() for text in texts]
            kept = [text for text in own if rng.random() < copied]
            texts = [f"red call {free.integers(10**8, 10**9)}" for _ in own] + kept
            seen.append(SeenMessage(party, SERVER, Message(Kind.SYNTHETIC_TEXT, {"texts": texts})))
        return seen

    return view_of(cloud, protocol, parties=4, candidates=30, auxiliary=20, seed=seed)


def scanned(view):
    attack = PiiEcho()
    scores = MembershipSecret({k: int(v) for k, v in view.members.items()}).score(attack.guess(view))
    return attack.facts(scores)["pii"]


def test_copies_of_five_percent_of_the_records_show_in_the_scan():
    """Recall is the share that was copied, and nothing of the holdout is found."""
    found = [scanned(released_directory(seed, 0.05)) for seed in range(4)]
    assert np.mean([one["recall"] for one in found]) == pytest.approx(0.05, abs=0.02)
    assert all(one["excess"] == one["recall"] > 0 and one["precision"] == 1.0 for one in found)
    assert all(one["items"] + one["holdout_items"] == 240 for one in found)


def test_the_scan_of_a_release_without_private_data_is_empty():
    found = scanned(released_directory(0, 0.0))
    assert (found["recall"], found["excess"], found["precision"]) == (0.0, 0.0, 0.0)


def test_facts_are_the_scan_of_members_minus_that_of_the_holdout():
    view = released_directory(1, 0.5)
    inside, outside = ([c.text for c in view.candidates if view.members[c.id] == k] for k in (True, False))
    texts = [text for sighting in view.transcript for text in sighting.message["texts"]]
    sides = [[" ".join(item) for item in find(side)] for side in (inside, outside)]
    known, found = scan(*sides, texts), scanned(view)
    assert found["recall"] == pytest.approx(known.recall) and found["excess"] == pytest.approx(known.excess)
    assert found["precision"] == known.precision


def test_items_of_two_candidates_or_of_public_texts_are_not_sought():
    view = released_directory(0, 0.0)
    some = view.candidates
    view.candidates = (some[0], replace(some[1], text=some[0].text), *some[2:])
    view.public.facts["public_texts"] = [some[2].text]
    found = sought(view)
    assert not found[some[0].id] and not found[some[1].id] and not found[some[2].id]
    assert all(len(found[one.id]) == 1 for one in some[3:])
    assert PiiEcho().facts([]) == {}
