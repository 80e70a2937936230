"""Prototypes of a run in the public encoder's space, and the attacker's own texts nearest to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from attacks.toolkit.prototype_space.align import fit_aligner
from attacks.toolkit.prototype_space.moments import class_moments
from attacks.toolkit.prototype_space.space import Space, averaged
from attacks.toolkit.prototype_space.space_of_run import pairs_of
from attacks.toolkit.public_model import PublicModel
from attacks.toolkit.readers.prototypes import of_class, prototypes
from attacks.toolkit.view import auxiliary_embeddings, labels_of, parties_of, population_of
from harness.attack import Floats

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["nearest_candidates", "nearest_texts", "prototype_vectors"]

_Back = Callable[[Floats], Floats]


def prototype_vectors(view: View, budget: int, space: Space) -> Mapping[str, Floats]:
    """``party/class`` -> the prototype, over rounds, in the public encoder's space."""
    labels = labels_of(view.public)
    sent_by_all = prototypes(view.transcript, labels)
    victims = [party for party in parties_of(view) if party != population_of(view.public).curious]
    sent = {f"{p}/{c}": averaged(sent_by_all, p, c) for p in victims for c in labels if of_class(sent_by_all, p, c)}
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


def nearest_texts(view: View, vectors: Mapping[str, Floats]) -> dict[str, list[int]]:
    """Tokens of the nearest auxiliary text of the class (of any class where there is none of it)."""
    texts = [record.text for record in view.public.auxiliary if record.label is not None]
    known, labels = auxiliary_embeddings(view)
    marks = np.asarray(labels)
    model, tokens = PublicModel(view.public), dict[str, list[int]]()
    for key, vector in vectors.items():
        rows = np.flatnonzero(marks == key.partition("/")[2])
        rows = rows if len(rows) else np.arange(len(marks))
        tokens[key] = model.tokenize(texts[rows[nearest_candidates(vector[None], known[rows])[0]]])
    return tokens


def nearest_candidates(vectors: Floats, dictionary: Floats) -> list[int]:
    """Index of the candidate of largest cosine to each of ``vectors [k, d]`` in ``dictionary [m, d]``."""
    scaled = dictionary / np.maximum(np.linalg.norm(dictionary, axis=1, keepdims=True), 1e-30)
    return [int(i) for i in np.argmax(vectors @ scaled.T, axis=1)]
