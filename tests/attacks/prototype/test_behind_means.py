"""Prototypes of several records taken apart, into records and into words, as attacks on runs."""

from __future__ import annotations

import numpy as np
import pytest

from attacks.prototype.decoded import PrototypeDecoder, agreement, rounded
from attacks.prototype.decoder import fit_bag_decoder
from attacks.prototype.decomposed import ABSENT, PrototypeDecomposition, next_weights
from attacks.prototype.decomposition import nnls_weights
from attacks.prototype.dictionary import dictionary_of, releases
from attacks.prototype.mean_release import PrototypeCosine
from harness.errors import SuiteError
from harness.membership import MembershipSecret
from harness.metrics.membership import auc
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


ATTACKS = [PrototypeDecomposition(), PrototypeDecomposition(method="nnls"), PrototypeDecoder(draws=300)]


def named(attack):
    return f"{attack.name}-{getattr(attack, 'method', '')}"


@pytest.fixture(scope="module")
def worlds():
    return [wordy(seed) for seed in range(3)]


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_members_of_means_are_found(attack, worlds):
    found, baseline = (np.mean([power(one, view) for view in worlds]) for one in (attack, PrototypeCosine()))
    assert found > (0.9 if attack.name == "prototype_decomposition" else 0.8)
    if getattr(attack, "method", "") != "nnls":  # own records without number fit any mean: sparseness is what tells
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


def test_next_weights_are_the_optimum_where_it_is_positive_and_not_positive_elsewhere():
    rng = np.random.default_rng(0)
    atoms, vector = rng.normal(size=(40, 16)), rng.normal(size=16)
    weights = nnls_weights(vector, atoms)
    found = next_weights(vector, atoms, weights)
    np.testing.assert_allclose(found[weights > 0], weights[weights > 0], atol=1e-9)
    assert (found[weights == 0] < 1e-9).all()
    slow = [atoms[i] @ (vector - np.delete(weights, i) @ np.delete(atoms, i, 0)) / (atoms[i] @ atoms[i])
            for i in range(40)]  # fmt: skip
    np.testing.assert_allclose(found, slow, atol=1e-9)


def test_a_mean_of_one_weighs_one():
    """A party's only record of a class has all the weight, and half of it is what the score is above."""
    view = wordy(sizes=(0,), candidates=1)
    scores = PrototypeDecomposition(method="nnls").guess(view)
    for one in view.candidates:
        assert scores[one.id] == (pytest.approx(0.5, abs=1e-6) if view.members[one.id] else ABSENT)
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


def test_methods_are_checked():
    with pytest.raises(SuiteError, match="none of lasso, nnls"):
        PrototypeDecomposition(method="guess")
