"""Answers of each party on the public texts, beside those of the attacker's reference model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attacks.label_inference.answer_shares import DEEPEST
from attacks.toolkit.readers.logits import answers, public_range, stand_in, table
from attacks.toolkit.reference_model import fit_reference
from attacks.toolkit.view import embeddings, labels_of
from harness.attack import Floats, Ints, PublicTextFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import SeenMessage, View

__all__ = ["ENOUGH", "Estimate", "ReferenceAnswers", "known_shares", "look", "named", "shadow_looks"]

Estimate = Callable[[Floats], Floats]
"""Logits ``[rounds, n, classes]`` of a party -> its proportions ``[classes]``."""

ENOUGH = 8
"""Parties of shadow runs that are enough to weigh estimates on, and classes, present or absent each, to learn presence
from."""


@dataclass(frozen=True)
class ReferenceAnswers:
    """Knowledge of the attacker: a reference model's log-shares on the public texts, and the defense's temperature."""

    reference: Floats
    """``[n, classes]``."""
    prior: Floats
    """Proportions that the reference was trained under."""
    topics: Ints
    """Classes of the public texts: their labels where those are public, the reference's guess otherwise."""
    temperature: float
    """Temperature that the defense divides logits by, if the attacker knows it; 1 otherwise."""

    @classmethod
    def of(cls, view: View) -> ReferenceAnswers:
        """Train the reference.

        Raises:
            DataError: nothing is said of public texts.
            SuiteError: there are none.
        """
        known_texts, names = view.public.need(PublicTextFacts), labels_of(view.public)
        if not known_texts.texts:
            raise SuiteError("attacks on the label distribution need public texts, and the scenario has none")
        reference = fit_reference(view)
        said = reference.log_shares(embeddings(view, known_texts.texts))
        given = known_texts.labels
        topics = said.argmax(1) if given is None else np.array([names.index(name) for name in given])
        known = view.defense.parameters.get("temperature", 1.0) if view.adaptive else 1.0
        return cls(said, reference.prior, topics.astype(np.int64), float(known))

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.prior)

    def rest(self, logits: Floats) -> float | None:
        """Probability that a defense which keeps the top k classes has cut off, as the reference would have it.

        None where ``logits [..., classes]`` are complete, or nothing but labels.
        """
        uncut = logits > logits.max(-1, keepdims=True) - DEEPEST
        k = int(np.median(uncut.sum(-1)))
        if k in (1, self.classes):
            return None
        top = np.sort(np.exp(self.reference), axis=1)[:, -k:]
        return float(np.clip(1.0 - top.sum(1).mean(), 1e-6, 0.5))


def look(view: View, transcript: Sequence[SeenMessage], parties: Sequence[str]) -> dict[str, Floats]:
    """Party -> logits ``[rounds, n, classes]`` on the public texts, of rounds in which all were answered."""
    said, places = answers(transcript, view.public), public_range(view.public)
    seen = {a.party for a in said}
    looks = {p: table(said, p, places, view.public) for p in parties if stand_in(said, p, view.public) in seen}
    whole = {party: one[~np.isnan(one).any((1, 2))] for party, one in looks.items()}
    return {party: one for party, one in whole.items() if len(one)}


def shadow_looks(view: View, shadows: int) -> Iterator[tuple[Floats, Floats]]:
    """Logits ``[rounds, n, classes]`` and true proportions ``[classes]`` of every party of the shadow runs."""
    names = labels_of(view.public)
    for shadow in view.shadows(shadows or None):
        truth = known_shares(shadow.truth, names)
        for party, logits in look(view, shadow.transcript, list(truth)).items():
            yield logits, truth[party]


def known_shares(truth: Mapping[str, object], names: Sequence[str]) -> dict[str, Floats]:
    """Party -> proportions ``[classes]`` from a shadow's ``counts``; parties without records are left out."""
    counts = truth.get("counts", {})
    assert isinstance(counts, Mapping)
    shares = {}
    for party, row in counts.items():
        of_class = [row.get(name, 0) for name in names] if isinstance(row, Mapping) else list(row)
        if sum(of_class) > 0:
            shares[str(party)] = np.array(of_class, dtype=np.float64) / sum(of_class)
    return shares


def named(view: View, values: Mapping[str, Floats]) -> dict[str, dict[str, float]]:
    """Party -> class -> number."""
    names = labels_of(view.public)
    return {p: dict(zip(names, map(float, row), strict=True)) for p, row in values.items()}
