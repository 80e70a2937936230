"""Prototypes of several records taken apart, into records and into words, as attacks on runs."""

from __future__ import annotations

import numpy as np
import pytest

from attacks.prototype.blind_words import BlindWords
from attacks.prototype.decoded import PrototypeDecoder, agreement, rounded
from attacks.prototype.decoder import fit_bag_decoder
from attacks.prototype.decomposed import ABSENT, PrototypeDecomposition, box_weights, next_weights
from attacks.prototype.decomposition import nnls_weights
from attacks.prototype.dictionary import dictionary_of, releases
from attacks.prototype.mean_release import MeanRelease, PrototypeCosine
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.scenario.membership import MembershipSecret
from tests.attacks.prototype.test_plugins import power, sharing
from tests.attacks.rounds_lab import Cloud, view_of


class Wordy(Cloud):
    """Texts of six of sixty words and their number; an embedding is the sum of its words' vectors."""

    def __post_init__(self):
        super().__post_init__()
        self.words = self.rng.normal(size=(60, self.size))

    def draw(self, name):
        picks = self.rng.choice(60, 6, replace=False)
        text = " ".join([*(f"w{i}" for i in picks), f"n{len(self.vectors)}"])
        noise = 0.1 * self.rng.normal(size=self.size)
        self.vectors[text] = self.means[name] + self.words[picks].sum(0) / 6**0.5 + noise
        return text


def wordy(seed=0, *, made=None, sizes=(1, 3), **options):
    cloud = Wordy(("red", "green", "blue"), size=96, seed=seed)
    return view_of(cloud, sharing(cloud, **(made or {})), sizes=sizes, auxiliary=80, seed=seed, **options)


ATTACKS = [PrototypeDecomposition(), PrototypeDecoder(draws=300, frequent=0)]


def named(attack):
    return str(attack.name)


@pytest.fixture(scope="module")
def worlds():
    return [wordy(seed) for seed in range(3)]


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_members_of_means_are_found(attack, worlds):
    found, baseline = (np.mean([power(one, view) for view in worlds]) for one in (attack, PrototypeCosine()))
    assert found > (0.9 if attack.name == "prototype_decomposition" else 0.8)
    assert found > baseline


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_noise_alone_is_chance(attack):
    silent = [wordy(seed, made={"noise": 1e3, "counts": True}, parties=2) for seed in range(5)]
    assert np.mean([power(attack, view) for view in silent]) == pytest.approx(0.5, abs=0.13)


def test_a_map_learned_on_shadows_is_used():
    secret = np.random.default_rng(1).normal(size=(96, 64))
    view = wordy(made={"secret": secret, "counts": True}, shadows=6)
    with pytest.raises(SuiteError, match="raise the shadow budget"):
        PrototypeDecomposition().guess(view)
    assert power(PrototypeDecomposition(shadows=6), view) > 0.7
    assert power(PrototypeDecoder(shadows=6, draws=300), view) > 0.6


def test_all_candidates_at_once_tell_more_than_one_at_a_time():
    """Where most records are candidates, a test of one takes the others for noise."""
    views = [wordy(seed, sizes=(1,), candidates=8, made={"counts": True}) for seed in range(3)]
    joint, single = (np.mean([power(a, view) for view in views]) for a in (PrototypeDecomposition(), MeanRelease()))
    assert joint > single


def test_box_weights_are_at_their_optimum():
    rng = np.random.default_rng(0)
    atoms, vector = rng.normal(size=(10, 16)), rng.normal(size=16)
    np.testing.assert_allclose(box_weights(vector, atoms, 1e3), nnls_weights(vector, atoms), atol=1e-6)
    weights = box_weights(vector, atoms, 0.1)
    found = next_weights(vector, atoms, weights)
    inside = (weights > 1e-6) & (weights < 0.1 - 1e-6)
    np.testing.assert_allclose(found[inside], weights[inside], atol=1e-4)
    assert (found[weights <= 1e-6] < 1e-4).all() and (found[weights >= 0.1 - 1e-6] > 0.1 - 1e-4).all()


def test_next_weights_are_the_best_of_one_atom_given_all_others():
    rng = np.random.default_rng(0)
    atoms, vector, weights = rng.normal(size=(40, 16)), rng.normal(size=16), rng.random(40)
    found = next_weights(vector, atoms, weights)
    slow = [atoms[i] @ (vector - np.delete(weights, i) @ np.delete(atoms, i, 0)) / (atoms[i] @ atoms[i])
            for i in range(40)]  # fmt: skip
    np.testing.assert_allclose(found, slow, atol=1e-9)


def test_a_mean_of_one_is_told_for_sure():
    view = wordy(sizes=(0,), candidates=1)
    scores = PrototypeDecomposition().guess(view)
    for one in view.candidates:
        assert scores[one.id] > 10 if view.members[one.id] else scores[one.id] == ABSENT
    decoded = PrototypeDecoder(draws=300).guess(view)
    assert auc([decoded[one.id] for one in view.candidates], view.labels) == 1.0


def test_agreement_is_a_correlation_of_words_with_what_is_decoded():
    rng = np.random.default_rng(0)
    cloud = Wordy(size=96)
    own = [cloud.draw("red") for _ in range(80)]
    x = cloud.embed(own) - cloud.means["red"]
    decoder = fit_bag_decoder(x, own, 2, rng, draws=300, fewest=2)
    slow = []
    for text in own[:5]:
        told = [i for i, u in enumerate(decoder.usual) if 0 < u < 1]
        bag, lift = text.split(), decoder.lift(x[:1])[0]
        profile = [((decoder.vocabulary[i] in bag) - u) / (u * (1 - u)) ** 0.5 for i, u in enumerate(decoder.usual)]
        norm = sum(profile[i] ** 2 for i in told) ** 0.5
        slow.append(sum(profile[i] * lift[i] for i in told) / norm)
    np.testing.assert_allclose(agreement(decoder, x[:1], own[:5]), slow, rtol=1e-6)
    assert int(np.argmax(agreement(decoder, x[:1], own))) == 0
    assert [rounded(n) for n in (0.2, 1, 2, 3, 4, 5, 6, 10, 1000)] == [1, 1, 2, 3, 4, 6, 6, 11, 1024]


def test_counts_are_told_or_estimated():
    for counts in (True, False):
        view = wordy(sizes=(1, 9), made={"counts": counts})
        made = releases(view, dictionary_of(view, 0))
        truth = np.array([view.truth["counts"][one.party][one.label] for one in made])
        found = np.array([one.count for one in made])
        assert len(made) == 12 and np.corrcoef(found, truth)[0, 1] > (0.999 if counts else 0.7)


class Named:
    """The view of a named encoder, whose tokens are whole words."""

    def __init__(self, view):
        self.view = view
        self.public = type("P", (), {**vars(view.public), "model": "lab"})()
        self.vocabulary = {}

    def tokenize(self, text):
        return [self.vocabulary.setdefault(word, len(self.vocabulary)) for word in text.split()]

    def __getattr__(self, name):
        return getattr(self.view, name)


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_texts_are_guessed_beside_the_scores(attack):
    view = Named(wordy(sizes=(0,), candidates=2, parties=8, facts={"curious": "client0"}))
    guess = attack.guess(view)
    texts = {key: ids for key, ids in guess.items() if isinstance(ids, list)}
    assert {key.partition("/")[0] for key in texts} <= {f"client{k}" for k in range(1, 8)} and texts
    back = {number: word for word, number in view.vocabulary.items()}
    shared = []
    for key, ids in texts.items():
        party, _, label = key.partition("/")
        truth = {w for c in view.candidates if (c.party, c.label) == (party, label) and view.members[c.id]
                 for w in c.text.split()}  # fmt: skip
        shared.append(len({back[i] for i in ids} & truth) / len(ids))
    assert np.mean(shared) > 0.18  # chance: 6 to 12 of 60 words, and no number
    members = {k: int(v) for k, v in view.members.items()}
    assert len(MembershipSecret(members).score(guess)) == 3 * len(members)


def hits(attack, views):
    """Share of the guessed words that are behind the prototype, over classes of two to five records."""
    found = []
    for view in map(Named, views):
        guess, members = attack.guess(view), [c for c in view.candidates if view.members[c.id]]
        back = {number: word for word, number in view.vocabulary.items()}
        for place in {(c.party, c.label) for c in members}:
            texts = [c.text for c in members if (c.party, c.label) == place]
            words = {back[i] for i in guess.get("/".join(place), []) if back[i].startswith("w")}
            if 2 <= len(texts) <= 5 and words:
                found.append(len(words & {word for text in texts for word in text.split()}) / len(words))
    assert len(found) > 10
    return np.mean(found)


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_words_behind_means_of_several_are_found_and_noise_has_none(attack):
    def worlds(noise):
        made = {"counts": True, "noise": noise}
        return [wordy(seed, sizes=(0,), candidates=5, parties=5, made=made) for seed in range(2)]

    blind = hits(BlindWords(frequent=0, records=3), worlds(0.0))
    assert hits(attack, worlds(0.0)) > blind + 0.15
    assert hits(attack, worlds(1e3)) == pytest.approx(blind, abs=0.1)
