"""The text behind a prototype of one record, as attacks on a run: a search for its words, and the nearest own text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from attacks.membership.reading import numpy_rng
from attacks.prototype.align import fit_aligner
from attacks.prototype.learned import pairs_of, space_of
from attacks.prototype.reading import auxiliary_embeddings, class_moments, labels_of, of_class, parties_of, prototypes
from attacks.prototype.space import Space, averaged
from attacks.prototype.wording import Budget, Sentences, fit_reader, reword
from harness.attack import Attack, Floats

if TYPE_CHECKING:
    from harness.attack import Guess, Public, View

__all__ = ["PrototypeInversion", "PrototypeNearest", "nearest_candidates"]

_Back = Callable[[Floats], Floats]

ALONE = 0.9
"""Squared norm from which on a prototype is taken for a single record's: embeddings have norm 1, means of two less."""


class PrototypeNearest(Attack):
    """Baseline: the attacker's own text of that class whose embedding is nearest to the prototype."""

    name: ClassVar[str] = "prototype_nearest"
    summary: ClassVar[str] = "nearest auxiliary text to the prototype"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "text"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows

    def refuses(self, public: Public) -> str | None:
        """Needs a public encoder and its tokenizer."""
        return None if public.model else "the public encoder is not named, so that texts have no tokens"

    def guess(self, view: View) -> Guess:
        """``party/class`` -> token ids."""
        return _nearest(view, _vectors(view, self.shadows, space_of(view, self.shadows, class_moments(view))))


class PrototypeInversion(Attack):
    """The words of every prototype that seems to be of a single record, by search through the public encoder.

    A linear reader trained on ``texts`` own texts proposes words; a beam of ``width`` hypotheses is edited until its
    embedding comes no nearer (:mod:`attacks.prototype.wording`). The adaptive variant's reader expects the noise that
    shadow runs show on prototypes of one record, without them the declared one. How many records are behind a
    prototype is read where it is sent, and otherwise off its norm without the noise: 1 for an embedding, less for a
    mean of several. At most ``most`` prototypes are inverted, those of a norm nearest to 1 first, which padding seldom
    has; the others get the nearest own text. Prototypes of a client's own space are carried back to the public one by
    a map learned on shadow runs.
    """

    name: ClassVar[str] = "prototype_inversion"
    summary: ClassVar[str] = "search for the words whose embedding is the single-record prototype"
    source: ClassVar[str] = (
        "Song and Raghunathan 2020, section 4; Morris et al. 2023, section 3; Ebrahimi et al. 2018, section 3"
    )
    secret: ClassVar[str] = "text"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def __init__(
        self, *, shadows: int = 0, most: int = 16, texts: int = 4000, width: int = 3, tries: int = 24, steps: int = 30
    ) -> None:
        self.shadows = shadows
        self.most = most
        self.texts = texts
        self.budget = Budget(width, tries, steps)

    def refuses(self, public: Public) -> str | None:
        """Needs the public encoder itself."""
        return None if public.model and public.pooled else "no public encoder of pooled texts is named"

    def guess(self, view: View) -> Guess:
        """``party/class`` -> token ids."""
        space = space_of(view, self.shadows, class_moments(view))
        vectors, noise = _vectors(view, self.shadows, space), space.variance(1.0) if view.adaptive else 0.0
        likely = {key: vectors[key] for key in _single_first(view, vectors, noise)[: self.most]}
        return {**_nearest(view, vectors), **self._inverted(view, likely, noise)}

    def _inverted(self, view: View, vectors: Mapping[str, Floats], noise: float) -> dict[str, list[int]]:
        if not vectors:
            return {}
        public, rng = view.public, numpy_rng(view)
        own = [record.text for record in public.auxiliary[: self.texts]]
        ids = [tuple(view.tokenize(text)) for text in own]
        known = view.embed(own).float()
        shrink = (1 + known.shape[1] * noise) ** -0.5  # a noisy embedding is scaled to norm 1 before it is read
        reader = fit_reader(ids, shrink * known, shrink**2 * noise)
        encoder = public.facts.get("encoder")
        part = view.part(0, encoder.part.stop if encoder else None)
        sentences = Sentences(part, public.prefix, public.suffix, public.max_tokens)
        return {
            key: list(reword(torch.from_numpy(_unit(vector)).float(), reader, sentences, self.budget, rng))
            for key, vector in vectors.items()
        }


def _vectors(view: View, budget: int, space: Space) -> Mapping[str, Floats]:
    """``party/class`` -> the prototype, over rounds, in the public encoder's space."""
    labels = labels_of(view.public)
    found = prototypes(view.transcript, labels)
    victims = [party for party in parties_of(view) if party != view.public.facts.get("curious")]
    sent = {f"{p}/{c}": averaged(found, p, c) for p in victims for c in labels if of_class(found, p, c)}
    rows = {key: pair[0] for key, pair in sent.items() if pair is not None}
    back = _way_back(view, budget, space)
    return rows if back is None else {key: back(row) for key, row in rows.items()}


def _way_back(view: View, budget: int, space: Space) -> _Back | None:
    """A map from prototypes to public embeddings, where shadows show that these are not the same."""
    aligner = space.aligner
    if not space.learned:
        return None
    if aligner.weight.shape[0] == aligner.weight.shape[1] and (aligner.weight == np.eye(len(aligner.bias))).all():
        return lambda row: row - aligner.bias
    pairs = pairs_of(view, budget, class_moments(view))
    return fit_aligner(np.stack([p.vector for p in pairs]), np.stack([p.expected for p in pairs])).points


def _single_first(view: View, vectors: Mapping[str, Floats], noise: float) -> list[str]:
    """Keys of prototypes that seem to be of one record, the surest (of squared norm 1, without the noise) first.

    ``noise`` is the variance of a coordinate of such a prototype. The squared norm without the noise has a standard
    deviation of its own, two of which are granted: one that is missed costs more than one too many.
    """
    found = prototypes(view.transcript, labels_of(view.public))
    lengths = {key: float(vector @ vector) - noise * len(vector) for key, vector in vectors.items()}
    least = {key: ALONE - 2 * (2 * len(row) * noise**2 + 4 * noise) ** 0.5 for key, row in vectors.items()}

    def alone(key: str) -> bool:
        party, _, label = key.partition("/")
        sent = averaged(found, party, label)
        told = sent[1] if sent else None
        return lengths[key] > least[key] if told is None else round(told) == 1

    return sorted(filter(alone, vectors), key=lambda key: (abs(lengths[key] - 1), key))


def _nearest(view: View, vectors: Mapping[str, Floats]) -> dict[str, list[int]]:
    """Tokens of the nearest auxiliary text of the class (of any class where there is none of it)."""
    texts = [record.text for record in view.public.auxiliary if record.label is not None]
    known, labels = auxiliary_embeddings(view)
    marks = np.asarray(labels)
    found: dict[str, list[int]] = {}
    for key, vector in vectors.items():
        rows = np.flatnonzero(marks == key.partition("/")[2])
        rows = rows if len(rows) else np.arange(len(marks))
        found[key] = view.tokenize(texts[rows[nearest_candidates(vector[None], known[rows])[0]]])
    return found


def _unit(vector: Floats) -> Floats:
    found: Floats = vector / max(float(np.linalg.norm(vector)), 1e-30)
    return found


def nearest_candidates(vectors: Floats, dictionary: Floats) -> list[int]:
    """Index of the candidate of largest cosine to each of ``vectors [k, d]`` in ``dictionary [m, d]``."""
    scaled = dictionary / np.maximum(np.linalg.norm(dictionary, axis=1, keepdims=True), 1e-30)
    return [int(i) for i in np.argmax(vectors @ scaled.T, axis=1)]
