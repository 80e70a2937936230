"""Text behind a prototype of one record, by a search for its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from attacks.embedding_inversion.prototype_inversion.wording import Budget, Sentences, fit_reader, reword
from attacks.embedding_inversion.prototype_vectors import nearest_texts, prototype_vectors
from attacks.toolkit.prototype_space.moments import class_moments
from attacks.toolkit.prototype_space.space import averaged
from attacks.toolkit.prototype_space.space_of_run import space_of
from attacks.toolkit.public_model import PublicModel
from attacks.toolkit.readers.prototypes import prototypes
from attacks.toolkit.view import labels_of, numpy_rng
from harness.attack import Attack, EncoderFacts, Floats, PopulationFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Public, View

__all__ = ["PrototypeInversion", "single_first"]

ALONE = 0.9
"""Squared norm from which on a prototype is taken for a single record's: embeddings have norm 1, means of two less."""


class PrototypeInversion(Attack):
    """The words of every prototype that seems to be of a single record, by search through the public encoder.

    A linear reader trained on ``texts`` own texts proposes words; a beam of ``width`` hypotheses is edited until its
    embedding comes no nearer (:mod:`.wording`). The adaptive variant's reader expects the noise that shadow runs show
    on prototypes of one record, without them the declared one. The number of records behind a prototype is read where
    it is sent, and otherwise off its norm without the noise: 1 for an embedding, less for a mean of several. At most
    ``most`` prototypes are inverted, those of a norm nearest to 1 first, which padding seldom has; the others get the
    nearest own text. Prototypes of a client's own space are carried back to the public one by a map learned on shadow
    runs.
    """

    name: ClassVar[str] = "prototype_inversion"
    summary: ClassVar[str] = "search for the words whose embedding is the single-record prototype"
    source: ClassVar[str] = (
        "Song and Raghunathan 2020, section 4; Morris et al. 2023, section 3; Ebrahimi et al. 2018, section 3"
    )
    secret: ClassVar[str] = "text"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

    def __init__(
        self, *, shadows: int = 0, most: int = 16, texts: int = 4000, width: int = 3, tries: int = 24, steps: int = 30
    ) -> None:
        self.shadows = shadows
        self.most = most
        self.texts = texts
        self.budget = Budget(width, tries, steps)

    def refuses(self, public: Public) -> str | None:
        """Needs the public encoder itself."""
        unnamed = "no public encoder of pooled texts is named"
        return super().refuses(public) if public.facts_of(EncoderFacts) else unnamed

    def guess(self, view: View) -> Guess:
        """``party/class`` -> token ids."""
        space = space_of(view, self.shadows, class_moments(view))
        vectors, noise = prototype_vectors(view, self.shadows, space), space.variance(1.0) if view.adaptive else 0.0
        likely = {key: vectors[key] for key in single_first(view, vectors, noise)[: self.most]}
        return {**nearest_texts(view, vectors), **self._inverted(view, likely, noise)}

    def _inverted(self, view: View, vectors: Mapping[str, Floats], noise: float) -> dict[str, list[int]]:
        if not vectors:
            return {}
        model, encoder, rng = PublicModel(view.public), view.public.need(EncoderFacts), numpy_rng(view)
        own = [record.text for record in view.public.auxiliary[: self.texts]]
        ids = [tuple(model.tokenize(text)) for text in own]
        known = view.embed(own).float()
        shrink = (1 + known.shape[1] * noise) ** -0.5  # a noisy embedding is scaled to norm 1 before it is read
        reader = fit_reader(ids, shrink * known, shrink**2 * noise)
        part = model.part(0, encoder.blocks)
        sentences = Sentences(part, encoder.prefix, encoder.suffix, encoder.max_tokens)
        return {
            key: list(reword(torch.from_numpy(_unit(vector)).float(), reader, sentences, self.budget, rng))
            for key, vector in vectors.items()
        }


def single_first(view: View, vectors: Mapping[str, Floats], noise: float) -> list[str]:
    """Keys of prototypes that seem to be of one record, the surest (of squared norm 1, without the noise) first.

    ``noise`` is the variance of a coordinate of such a prototype. The squared norm without the noise has a standard
    deviation of its own, two of which are granted: one that is missed costs more than one too many.
    """
    sent_by_all = prototypes(view.transcript, labels_of(view.public))
    lengths = {key: float(vector @ vector) - noise * len(vector) for key, vector in vectors.items()}
    least = {key: ALONE - 2 * (2 * len(row) * noise**2 + 4 * noise) ** 0.5 for key, row in vectors.items()}

    def alone(key: str) -> bool:
        party, _, label = key.partition("/")
        sent = averaged(sent_by_all, party, label)
        said = sent[1] if sent else None
        return lengths[key] > least[key] if said is None else round(said) == 1

    return sorted(filter(alone, vectors), key=lambda key: (abs(lengths[key] - 1), key))


def _unit(vector: Floats) -> Floats:
    scaled: Floats = vector / max(float(np.linalg.norm(vector)), 1e-30)
    return scaled
