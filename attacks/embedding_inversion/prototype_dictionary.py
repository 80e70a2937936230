"""Candidates and the attacker's own records in the space of a run's prototypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attacks.toolkit.prototype_space.likeliest_count import likelihood_rule
from attacks.toolkit.prototype_space.moments import ClassMoments, class_moments
from attacks.toolkit.prototype_space.space import Space, averaged
from attacks.toolkit.prototype_space.space_of_run import candidate_points, space_of
from attacks.toolkit.readers.prototypes import of_class, prototypes
from attacks.toolkit.view import auxiliary_embeddings, labels_of, parties_of, population_of
from harness.attack import Floats

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["Dictionary", "Release", "dictionary_of", "releases"]


@dataclass(frozen=True)
class Release:
    """A prototype averaged over rounds, minus what is expected of its class, and how many records it is of."""

    party: str
    label: str
    vector: Floats
    count: float
    """As sent; otherwise the likeliest."""
    asked: tuple[int, ...]
    """Positions of the party's candidates of that class."""


@dataclass(frozen=True)
class Dictionary:
    """Embeddings around their class's mean, in the prototypes' space."""

    candidates: Floats
    """``[m, e]``."""
    own: Mapping[str, Floats]
    """Class -> the attacker's own records ``[k, e]``, and their texts."""
    texts: Mapping[str, Sequence[str]]
    models: Mapping[str, ClassMoments]
    """Class moments in the prototypes' space."""
    space: Space


def dictionary_of(view: View, budget: int) -> Dictionary:
    """The space is learned on ``budget`` shadow runs; without them the public one, under declared noise."""
    models, (known, labels) = class_moments(view), auxiliary_embeddings(view)
    points, space = candidate_points(view, known.shape[1]), space_of(view, budget, models)
    mapped = space.moments(models)
    middle = [mapped[str(c.label)].mean if str(c.label) in mapped else np.nan for c in view.candidates]
    texts = [record.text for record in view.public.auxiliary if record.label is not None]
    own = {name: space.aligner.points(known[np.asarray(labels) == name]) - m.mean for name, m in mapped.items()}
    return Dictionary(
        np.stack([x - m for x, m in zip(space.aligner.points(points), middle, strict=True)]) if middle else _none(own),
        own,
        {name: [text for text, label in zip(texts, labels, strict=True) if label == name] for name in mapped},
        mapped,
        space,
    )


def releases(view: View, known: Dictionary) -> list[Release]:
    """Every class that a party sent, other than the coalition's own client and classes of which nothing is known."""
    labels, sent_by_all = labels_of(view.public), prototypes(view.transcript, labels_of(view.public))
    asked: dict[tuple[str, str], list[int]] = {}
    for place, candidate in enumerate(view.candidates):
        asked.setdefault((candidate.party, str(candidate.label)), []).append(place)
    parties = [party for party in parties_of(view) if party != population_of(view.public).curious]
    released = []
    for party, label in ((p, c) for p in parties for c in labels if c in known.models and of_class(sent_by_all, p, c)):
        sent = averaged(sent_by_all, party, label)
        assert sent is not None
        vector, said = sent
        count = said or likelihood_rule(vector, known.models[label], *known.space.law)
        rest = vector - known.models[label].mean
        released.append(Release(party, label, rest, max(count, 1.0), tuple(asked.get((party, label), ()))))
    return released


def _none(own: Mapping[str, Floats]) -> Floats:
    return np.zeros((0, next(iter(own.values())).shape[1]))
