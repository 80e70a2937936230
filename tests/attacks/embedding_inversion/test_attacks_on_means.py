"""Prototypes of several records taken apart, into records and into words, as attacks on runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from attacks.embedding_inversion.blind_words import BlindWords
from attacks.embedding_inversion.prototype_decoder import PrototypeDecoder, agreement, rounded
from attacks.embedding_inversion.prototype_decoder.bag_decoder import fit_bag_decoder
from attacks.embedding_inversion.prototype_decomposition import (
    ABSENT,
    PrototypeDecomposition,
    box_weights,
    next_weights,
    nnls_weights,
)
from attacks.embedding_inversion.prototype_dictionary import dictionary_of, releases
from attacks.membership_inference.mean_release import MeanRelease
from attacks.membership_inference.prototype_cosine import PrototypeCosine
from harness.attack import Attack
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.scenario.membership import MembershipSecret
from harness.wire.facts import EncoderFacts
from tests.stand_ins.membership_power import power
from tests.stand_ins.prototype_world import sharing
from tests.stand_ins.rounds_view import Cloud, RoundsView, view_of, with_facts


class Wordy(Cloud):
    """Texts of six of sixty words and their number; an embedding is the sum of its words' vectors."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.words = self.rng.normal(size=(60, self.size))

    def draw(self, name: str) -> Any:
        picks = self.rng.choice(60, 6, replace=False)
        text = " ".join([*(f"w{i}" for i in picks), f"n{len(self.vectors)}"])
        noise = 0.1 * self.rng.normal(size=self.size)
        self.vectors[text] = self.means[name] + self.words[picks].sum(0) / 6**0.5 + noise
        return text


def wordy(seed: int = 0, *, protocol: Any = None, sizes: Any = (1, 3), **options: Any) -> Any:
    cloud = Wordy(("red", "green", "blue"), size=96, seed=seed)
    return view_of(cloud, sharing(cloud, **(protocol or {})), sizes=sizes, auxiliary=80, seed=seed, **options)


ATTACKS = [PrototypeDecomposition(), PrototypeDecoder(draws=300, frequent=0)]


def named(attack: Attack) -> str:
    return str(attack.name)


@pytest.fixture(scope="module")
def worlds() -> Any:
    return [wordy(seed) for seed in range(3)]


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_members_of_means_are_found(attack: Any, worlds: Any) -> None:
    reached, baseline = (np.mean([power(one, view) for view in worlds]) for one in (attack, PrototypeCosine()))
    assert reached > (0.9 if attack.name == "prototype_decomposition" else 0.8)
    assert reached > baseline


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_noise_alone_is_chance(attack: Any) -> None:
    silent = [wordy(seed, protocol={"noise": 1e3, "counts": True}, parties=2) for seed in range(5)]
    assert np.mean([power(attack, view) for view in silent]) == pytest.approx(0.5, abs=0.13)


def test_a_map_learned_on_shadows_is_used() -> None:
    secret = np.random.default_rng(1).normal(size=(96, 64))
    view = wordy(protocol={"secret": secret, "counts": True}, shadows=6)
    with pytest.raises(SuiteError, match="raise the shadow budget"):
        PrototypeDecomposition().guess(view)
    assert power(PrototypeDecomposition(shadows=6), view) > 0.7
    assert power(PrototypeDecoder(shadows=6, draws=300), view) > 0.6


def test_all_candidates_at_once_tell_more_than_one_at_a_time() -> None:
    """A test of one candidate takes the others for noise, and most records are candidates here."""
    views = [wordy(seed, sizes=(1,), candidates=8, protocol={"counts": True}) for seed in range(3)]
    joint, single = (np.mean([power(a, view) for view in views]) for a in (PrototypeDecomposition(), MeanRelease()))
    assert joint > single


def test_box_weights_are_at_their_optimum() -> None:
    rng = np.random.default_rng(0)
    atoms, vector = rng.normal(size=(10, 16)), rng.normal(size=16)
    np.testing.assert_allclose(box_weights(vector, atoms, 1e3), nnls_weights(vector, atoms), atol=1e-6)
    weights = box_weights(vector, atoms, 0.1)
    following = next_weights(vector, atoms, weights)
    inside = (weights > 1e-6) & (weights < 0.1 - 1e-6)
    np.testing.assert_allclose(following[inside], weights[inside], atol=1e-4)
    assert (following[weights <= 1e-6] < 1e-4).all() and (following[weights >= 0.1 - 1e-6] > 0.1 - 1e-4).all()


def test_next_weights_are_the_best_of_one_atom_given_all_others() -> None:
    rng = np.random.default_rng(0)
    atoms, vector, weights = rng.normal(size=(40, 16)), rng.normal(size=16), rng.random(40)
    following = next_weights(vector, atoms, weights)
    slow = [
        atoms[i] @ (vector - np.delete(weights, i) @ np.delete(atoms, i, 0)) / (atoms[i] @ atoms[i]) for i in range(40)
    ]
    np.testing.assert_allclose(following, slow, atol=1e-9)


def test_a_mean_of_one_is_told_for_sure() -> None:
    view = wordy(sizes=(0,), candidates=1)
    scores = PrototypeDecomposition().guess(view)
    for candidate in view.candidates:
        assert scores[candidate.id] > 10 if view.members[candidate.id] else scores[candidate.id] == ABSENT
    decoded = PrototypeDecoder(draws=300).guess(view)
    assert auc([decoded[one.id] for one in view.candidates], view.labels) == 1.0


def test_agreement_is_a_correlation_of_words_with_what_is_decoded() -> None:
    rng = np.random.default_rng(0)
    cloud = Wordy(size=96)
    own = [cloud.draw("red") for _ in range(80)]
    x = cloud.embed(own) - cloud.means["red"]
    decoder = fit_bag_decoder(x, own, 2, rng, draws=300, fewest=2)
    slow = []
    for text in own[:5]:
        telling = [i for i, u in enumerate(decoder.usual) if 0 < u < 1]
        bag, lift = text.split(), decoder.lift(x[:1])[0]
        profile = [((decoder.vocabulary[i] in bag) - u) / (u * (1 - u)) ** 0.5 for i, u in enumerate(decoder.usual)]
        norm = sum(profile[i] ** 2 for i in telling) ** 0.5
        slow.append(sum(profile[i] * lift[i] for i in telling) / norm)
    np.testing.assert_allclose(agreement(decoder, x[:1], own[:5]), slow, rtol=1e-6)
    assert int(np.argmax(agreement(decoder, x[:1], own))) == 0
    assert [rounded(n) for n in (0.2, 1, 2, 3, 4, 5, 6, 10, 1000)] == [1, 1, 2, 3, 4, 6, 6, 11, 1024]


def test_counts_are_told_or_estimated() -> None:
    for counts in (True, False):
        view = wordy(sizes=(1, 9), protocol={"counts": counts})
        released = releases(view, dictionary_of(view, 0))
        truth = np.array([view.truth["counts"][one.party][one.label] for one in released])
        estimates = np.array([one.count for one in released])
        assert len(released) == 12 and np.corrcoef(estimates, truth)[0, 1] > (0.999 if counts else 0.7)


class Named:
    """The view of a named encoder, whose tokens are whole words."""

    def __init__(self, view: RoundsView) -> None:
        self.view = view
        self.public = with_facts(view.public, EncoderFacts("words", max_tokens=1000))
        self.vocabulary: dict[str, int] = {}
        WORDS.vocabulary = self.vocabulary

    def __getattr__(self, name: str) -> Any:
        return getattr(self.view, name)


class WholeWords:
    """A tokenizer of whole words, numbered as they come."""

    def __init__(self) -> None:
        self.vocabulary: dict[str, int] = {}

    def encode(self, text: str) -> list[int]:
        return [self.vocabulary.setdefault(word, len(self.vocabulary)) for word in text.split()]


WORDS = WholeWords()


@pytest.fixture(autouse=True)
def word_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every public model has the tokenizer of whole words."""
    monkeypatch.setattr("attacks.toolkit.public_model.tokenizer_folder", lambda model: model)
    monkeypatch.setattr("attacks.toolkit.public_model.load_tokens", lambda folder: WORDS)


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_texts_are_guessed_beside_the_scores(attack: Any) -> None:
    view = Named(wordy(sizes=(0,), candidates=2, parties=8, population={"curious": "client0"}))
    guess = attack.guess(view)
    texts = {key: ids for key, ids in guess.items() if isinstance(ids, list)}
    assert {key.partition("/")[0] for key in texts} <= {f"client{k}" for k in range(1, 8)} and texts
    back = {number: word for word, number in view.vocabulary.items()}
    shared = []
    for key, ids in texts.items():
        party, _, label = key.partition("/")
        truth = {
            w
            for c in view.candidates
            if (c.party, c.label) == (party, label) and view.members[c.id]
            for w in c.text.split()
        }
        shared.append(len({back[i] for i in ids} & truth) / len(ids))
    assert np.mean(shared) > 0.18  # chance: 6 to 12 of 60 words, and no number
    members = {k: int(v) for k, v in view.members.items()}
    assert len(MembershipSecret(members).score(guess)) == 3 * len(members)


def hits(attack: Any, views: Sequence[RoundsView]) -> Any:
    """Share of the guessed words that are behind the prototype, over classes of two to five records."""
    shares = []
    for view in map(Named, views):
        guess, members = attack.guess(view), [c for c in view.candidates if view.members[c.id]]
        back = {number: word for word, number in view.vocabulary.items()}
        for place in {(c.party, c.label) for c in members}:
            texts = [c.text for c in members if (c.party, c.label) == place]
            words = {back[i] for i in guess.get("/".join(place), []) if back[i].startswith("w")}
            if 2 <= len(texts) <= 5 and words:
                shares.append(len(words & {word for text in texts for word in text.split()}) / len(words))
    assert len(shares) > 10
    return np.mean(shares)


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_words_behind_means_of_several_are_found_and_noise_has_none(attack: Any) -> None:
    def worlds(noise: float) -> Any:
        protocol = {"counts": True, "noise": noise}
        return [wordy(seed, sizes=(0,), candidates=5, parties=5, protocol=protocol) for seed in range(2)]

    blind = hits(BlindWords(frequent=0, records=3), worlds(0.0))
    assert hits(attack, worlds(0.0)) > blind + 0.15
    assert hits(attack, worlds(1e3)) == pytest.approx(blind, abs=0.1)
