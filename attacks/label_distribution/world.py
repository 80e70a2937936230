"""From a view to arrays: each party's answers on the public texts, beside those of the attacker's reference model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attacks.label_distribution.answers import DEEPEST
from attacks.membership.reading import answers, classes_of, public_range, stand_in, table
from attacks.membership.reference import embedded, fit_reference
from harness.attack import SERVER, SUM, Floats, Ints, SuiteError

if TYPE_CHECKING:
    from harness.attack import SeenMessage, View

__all__ = ["World", "known_shares", "look", "named", "parties_of", "shadow_looks"]


@dataclass(frozen=True)
class World:
    """What the attacker brings: a reference model's log-shares on the public texts, and its word on the defense."""

    reference: Floats
    """``[n, classes]``."""
    prior: Floats
    """Proportions that the reference was trained under."""
    topics: Ints
    """Classes of the public texts: their labels where those are public, the reference's guess otherwise."""
    temperature: float
    """That the defense divides logits by, if the attacker knows it; 1 otherwise."""

    @classmethod
    def of(cls, view: View) -> World:
        """Train the reference; :class:`SuiteError` where the public texts are not known."""
        texts, names = list(view.public.facts.get("public_texts", ())), classes_of(view.public)
        if not texts:
            raise SuiteError("attacks on the label distribution need public_texts among the scenario's public facts")
        reference = fit_reference(view)
        said = reference.log_shares(embedded(view, texts))
        given = view.public.facts.get("public_labels")
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
        kept = logits > logits.max(-1, keepdims=True) - DEEPEST
        k = int(np.median(kept.sum(-1)))
        if k in (1, self.classes):
            return None
        top = np.sort(np.exp(self.reference), axis=1)[:, -k:]
        return float(np.clip(1.0 - top.sum(1).mean(), 1e-6, 0.5))


def parties_of(view: View) -> tuple[str, ...]:
    """The private parties: public, or those that sent something."""
    known = view.public.facts.get("parties")
    senders = dict.fromkeys(s.sender for s in view.transcript if s.sender not in (SERVER, SUM))
    return tuple(known) if known else tuple(senders)


def look(view: View, transcript: Sequence[SeenMessage], parties: Sequence[str]) -> dict[str, Floats]:
    """Party -> logits ``[rounds, n, classes]`` on the public texts, of rounds in which all were answered."""
    found, places = answers(transcript, view.public), public_range(view.public)
    seen = {a.party for a in found}
    looks = {p: table(found, p, places, view.public) for p in parties if stand_in(found, p, view.public) in seen}
    whole = {party: one[~np.isnan(one).any((1, 2))] for party, one in looks.items()}
    return {party: one for party, one in whole.items() if len(one)}


def shadow_looks(view: View, shadows: int) -> Iterator[tuple[Floats, Floats]]:
    """Logits ``[rounds, n, classes]`` and true proportions ``[classes]`` of every party of the shadow runs."""
    names = classes_of(view.public)
    for shadow in view.shadows(shadows or None):
        truth = known_shares(shadow.truth, names)
        for party, logits in look(view, shadow.transcript, list(truth)).items():
            yield logits, truth[party]


def known_shares(truth: Mapping[str, object], names: Sequence[str]) -> dict[str, Floats]:
    """Party -> proportions ``[classes]`` from a shadow's ``counts``; parties without records are left out."""
    counts = truth.get("counts", {})
    assert isinstance(counts, Mapping)
    found = {}
    for party, row in counts.items():
        of_class = [row.get(name, 0) for name in names] if isinstance(row, Mapping) else list(row)
        if sum(of_class) > 0:
            found[str(party)] = np.array(of_class, dtype=np.float64) / sum(of_class)
    return found


def named(view: View, values: Mapping[str, Floats]) -> dict[str, dict[str, float]]:
    """Party -> class -> number."""
    names = classes_of(view.public)
    return {p: dict(zip(names, map(float, row), strict=True)) for p, row in values.items()}
