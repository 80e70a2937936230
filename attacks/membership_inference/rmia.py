"""RMIA: candidates against public texts, by the target's probabilities relative to those of shadow runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership_inference.evidence import chosen_reader, confidences, gather
from attacks.toolkit import rmia
from attacks.toolkit.candidates import by_party, scores_of
from attacks.toolkit.confidence import logit_confidence
from attacks.toolkit.memo import Memo
from attacks.toolkit.readers.logits import answers, public_range, table
from attacks.toolkit.reference_model import fit_reference
from attacks.toolkit.view import embeddings, labels_of
from harness.attack import Attack, Floats, Ints, PopulationFacts, PublicTextFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, SeenMessage, View

__all__ = ["Rmia"]

FEWEST = 2
"""Shadow runs without which there is no reference, or none to fit the slope on."""


class Rmia(Attack):
    """Share of public texts that the candidate outdoes, by the target's probability against the shadows'.

    ``online`` uses shadows with the candidate, too; offline, the slope is fitted on shadows.
    """

    name: ClassVar[str] = "rmia"
    summary: ClassVar[str] = "likelihood ratio of the candidate against those of public texts"
    source: ClassVar[str] = "Zarifzadeh et al. 2024, section 3"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)
    needs: ClassVar[tuple[type[Facts], ...]] = (
        PopulationFacts,
        PublicTextFacts,
    )

    def __init__(self, *, shadows: int = 0, online: bool = True, gamma: float = 1.0) -> None:
        self.shadows = shadows
        self.online = online
        self.gamma = gamma
        self.memo = Memo()
        self.populations = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        evidence = gather(view, chosen_reader(view), self.memo, self.shadows, fewest=FEWEST)
        live, shadows = (_probability(one) for one in confidences(evidence))
        runs = [view.transcript, *(run.transcript for run in view.shadows(self.shadows or None))]
        populations = [self._population(view, run) for run in runs]
        scores = np.full(len(live), np.nan)
        for party, rows in by_party(view.candidates).items():
            known = rows[evidence.usable[rows]]
            z = np.stack([population[party] for population in populations])
            z = z[:, np.isfinite(z).all(0)]
            scores[known] = self._scores(live[known], shadows[:, known], evidence.members[:, known], z)
        return scores_of(view.candidates, scores)

    def _scores(self, live: Floats, shadows: Floats, members: np.ndarray, population: Floats) -> Floats:
        slope = None if self.online else rmia.fit_slope(shadows, members, population[1:], self.gamma)
        ratios = live / rmia.marginal(shadows, members, slope)
        return rmia.rmia(ratios, population[0] / rmia.marginal(population[1:], None, slope), self.gamma)

    def _population(self, view: View, run: Sequence[SeenMessage]) -> Mapping[str, Floats]:
        # What public texts are about is guessed once: of one target as of the other.
        labels = self.populations.of(view.public.facts, lambda: _public_labels(view))
        return self.populations.of(run, lambda: _read(view, run, labels))


def _read(view: View, run: Sequence[SeenMessage], labels: Ints) -> Mapping[str, Floats]:
    """Party -> probabilities ``[z]`` of the public texts' labels, by confidences averaged over rounds."""
    said, places = answers(run, view.public), public_range(view.public)
    tables = {party: table(said, party, places, view.public) for party in by_party(view.candidates)}
    return {party: _probability(np.moveaxis(_confidence(one, labels), 0, 1)) for party, one in tables.items()}


def _confidence(logits: Floats, labels: Ints) -> Floats:
    """``[rounds, z]``; nan where a text was not answered."""
    known = np.asarray(~np.isnan(logits).any(-1))
    phi = logit_confidence(np.where(known[..., None], logits, 0.0), labels)
    return np.asarray(np.where(known, phi, np.nan), dtype=np.float64)


def _probability(looks: Floats) -> Floats:
    """Probability ``[...]`` of the label from confidences ``[..., looks]``; nan without any look."""
    there = np.isfinite(looks).astype(np.float64)
    count = there.sum(-1)
    mean = np.where(there > 0, looks, 0.0).sum(-1) / np.maximum(count, 1)
    return np.asarray(np.where(count > 0, 1.0 / (1.0 + np.exp(-mean)), np.nan), dtype=np.float64)


def _public_labels(view: View) -> Ints:
    """Labels of the public texts: their own, or what the reference model says."""
    names, known = labels_of(view.public), view.public.need(PublicTextFacts)
    if known.labels is not None:
        return np.array([names.index(name) for name in known.labels], dtype=np.int64)
    points = embeddings(view, known.texts)
    return np.asarray(fit_reference(view).log_shares(points).argmax(1), dtype=np.int64)
