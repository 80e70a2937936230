"""Public topics of a deployment, and the topics of texts and of auxiliary records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from attacks.toolkit.view import embeddings, population_of
from harness.attack import Floats, Ints

if TYPE_CHECKING:
    from harness.attack import Public, View

__all__ = ["Topics", "without_topics"]

LEAST = 0.01
"""Least intraclass correlation, and least distance of it from 1."""


def without_topics(public: Public) -> str | None:
    """The sentence that says that a deployment has no topics."""
    return None if population_of(public).topics else "the scenario makes no topics public: give the entry topics"


class Topics:
    """Topics, each known by a text: every other text has the topic whose text is nearest (Euclidean)."""

    def __init__(self, view: View) -> None:
        self.view, self.names = view, population_of(view.public).topics
        self.centres = embeddings(view, self.names)
        labelled = [record for record in view.public.auxiliary if record.label is not None]
        groups = np.array([record.group or "" for record in labelled])
        self._groups = (groups[:, None] == groups) & (groups != "")
        """Marks ``[a, a]`` of pairs of records of one natural group."""
        self._topics, self._labels = self.of([r.text for r in labelled]), np.array([str(r.label) for r in labelled])

    def of(self, texts: Sequence[str]) -> Ints:
        """Number of each text's topic ``[n]``."""
        return self.nearest(embeddings(self.view, texts)) if texts else np.zeros(0, dtype=np.int64)

    def nearest(self, points: Floats) -> Ints:
        """Number of the topic of embeddings ``[n, d]``; of equally near ones the first."""
        from scipy.spatial.distance import cdist

        places: Ints = cdist(points, self.centres, "sqeuclidean").argmin(1)
        return places

    def counts(self, texts: Sequence[str]) -> Floats:
        """Texts of each topic ``[K]``."""
        return np.bincount(self.of(texts), minlength=len(self.names)).astype(np.float64)

    def usual(self, label: str) -> Floats:
        """Topic shares ``[K]`` of auxiliary records of a class; those of all records weigh as much as one."""
        everyone = self._shares(self._topics, np.full(len(self.names), 1 / len(self.names)))
        return self._shares(self._topics[self._labels == label], everyone)

    def concentration(self) -> float:
        """Concentration of the law of a natural group's topic shares, by how much oftener two auxiliary records of one
        group share a topic than others do (correlation 1 / (1 + concentration): Mosimann 1962, On the compound
        multinomial distribution). Where no group has two records, that of the uniform law.
        """
        same = self._topics[:, None] == self._topics
        pairs = self._groups & ~np.eye(len(same), dtype=bool)
        if not pairs.any():
            return float(len(self.names))
        usual = float(same[~self._groups].mean()) if not self._groups.all() else 1.0
        extra = (float(same[pairs].mean()) - usual) / max(1 - usual, LEAST)
        return 1 / float(np.clip(extra, LEAST, 1 - LEAST)) - 1

    def named(self, shares: Floats) -> dict[str, float]:
        """Topic -> share."""
        return dict(zip(self.names, map(float, shares), strict=True))

    def _shares(self, topics: Ints, prior: Floats) -> Floats:
        shares: Floats = (np.bincount(topics, minlength=len(self.names)) + prior) / (len(topics) + 1)
        return shares
