"""Words behind a prototype of several records, by a decoder trained on such means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.embedding_inversion.prototype_decoder.bag_decoder import BagDecoder, fit_bag_decoder
from attacks.embedding_inversion.prototype_decoder.usage import Usage
from attacks.embedding_inversion.prototype_dictionary import Dictionary, Release, dictionary_of, releases
from attacks.toolkit.memo import Memo
from attacks.toolkit.public_model import PublicModel
from attacks.toolkit.view import numpy_rng
from attacks.toolkit.words import words
from harness.attack import Attack, Floats, ModelFacts

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["PrototypeDecoder", "agreement", "rounded"]

ABSENT = -1e6
"""Score of a candidate whose class its party did not send: below that of any other."""

MOST_TEXTS = 10
"""Records of which words are guessed at most."""

Kept = dict[int, BagDecoder]


class PrototypeDecoder(Attack):
    """A linear decoder from means of n own records to the words that are over-represented in them.

    It is trained on what is left of embeddings after their class's mean, all classes together: what is usual in a
    class is no news, and one class's records are too few to learn words from.

    A candidate's score is how well its words agree with those decoded from its party's prototype of its class, less
    half of what its own embedding would add to that: a likelihood ratio up to the noise's scale. The guess at the
    words behind a prototype of n records are those that its class uses and the decoder expects most, as many as n
    texts of it have, the ``frequent`` most frequent ones of all classes aside. One decoder is trained for each
    rounded count, on means that carry the noise of the prototypes' space.
    """

    name: ClassVar[str] = "prototype_decoder"
    summary: ClassVar[str] = "decoder trained on means of n own records, from class means to words"
    source: ClassVar[str] = "Song and Raghunathan 2020, section 4 (multi-label inversion), trained on means"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def __init__(self, *, shadows: int = 0, draws: int = 1000, frequent: int = 100) -> None:
        self.shadows = shadows
        self.draws = draws
        self.frequent = frequent
        self.memo = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate; where the encoder is named, ``party/class`` -> token ids beside them."""
        known, texts = dictionary_of(view, self.shadows), {}
        model = PublicModel(view.public) if view.public.facts_of(ModelFacts) else None
        # The space that shadows teach differs from target to target, and with it the decoders.
        decoders: Kept = {} if self.shadows else self.memo.of(view.public, dict)
        scores, rng = dict.fromkeys((one.id for one in view.candidates), ABSENT), numpy_rng(view)
        usage = Usage.of(known.texts, self.frequent)
        few = (release for release in releases(view, known) if release.asked or release.count <= MOST_TEXTS)
        for release in few:
            decoder = self._decoder(known, release, decoders, rng)
            if release.asked:
                scores |= self._scores(view, release, decoder, known.candidates[list(release.asked)])
            if model is not None:
                said = usage.expected(decoder, release.vector, release.label, min(round(release.count), MOST_TEXTS))
                texts[f"{release.party}/{release.label}"] = model.tokenize(" ".join(said))
        return {**scores, **texts}

    def _scores(self, view: View, release: Release, decoder: BagDecoder, points: Floats) -> dict[str, float]:
        some = [view.candidates[place] for place in release.asked]
        texts = [one.text for one in some]
        alone = np.maximum(agreement(decoder, points, texts), 0.0)
        together = agreement(decoder, release.vector[None], texts)
        ratios = alone * (together - alone / (2 * release.count))
        return {one.id: float(ratio) for one, ratio in zip(some, ratios, strict=True)}

    def _decoder(self, known: Dictionary, release: Release, decoders: Kept, rng: np.random.Generator) -> BagDecoder:
        own, texts = np.concatenate(list(known.own.values())), [t for some in known.texts.values() for t in some]
        count = min(rounded(release.count), len(own))
        if count not in decoders:
            noise = known.space.variance(count)
            decoders[count] = fit_bag_decoder(own, texts, count, rng, noise=noise, draws=self.draws)
        return decoders[count]


def agreement(decoder: BagDecoder, vectors: Floats, texts: Sequence[str]) -> Floats:
    """Agreement ``[m]`` of the words of each text with those decoded from ``vectors [m, d]`` (or ``[1, d]``).

    The inner product of the decoded lifts with the standardised presence of all words, over the latter's norm; words
    that all records hold, or none, do not count.
    """
    telling = (decoder.usual > 0) & (decoder.usual < 1)
    usual = decoder.usual[telling]
    bags = [set(words(text)) for text in texts]
    held = np.array([[word in bag for word in decoder.vocabulary] for bag in bags], dtype=np.float64)
    held = held.reshape(len(texts), len(telling))[:, telling]
    profile = (held - usual) / np.sqrt(usual * (1 - usual))
    fit = (profile * decoder.lift(vectors)[:, telling]).sum(1)
    return np.asarray(fit / np.maximum(np.linalg.norm(profile, axis=1), 1e-12), dtype=np.float64)


def rounded(count: float) -> int:
    """The nearest of 1, 2, 3, 4, 6, 8, 11, 16, ...: half powers of two."""
    return max(int(np.round(2.0 ** (np.round(2 * np.log2(max(count, 1.0))) / 2))), 1)
