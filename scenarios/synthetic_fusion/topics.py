"""Topics of texts: k-means on the public encoder's embeddings of the attacker's own records, never of private ones.

A topic is called by the auxiliary text nearest to its cluster's centre (a medoid, as in Kaufman and Rousseeuw 1990,
Finding Groups in Data, chapter 2): readable, and all that anyone needs to tell the topic of a text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from harness.scenario import Encoder, Floats, Item, Record, SuiteError, embed, numpy_generator

__all__ = ["medoids", "topic_counts", "topics_of"]

STARTS = 10
"""K-means runs from random centres, of which the tightest counts."""


def topics_of(
    auxiliary: Sequence[Record], topics: int, encoder: Encoder, axes: tuple[str | int, ...]
) -> tuple[str, ...]:
    """The medoids of ``topics`` clusters of the auxiliary texts, in alphabetical order; of none, no encoder is run.

    Raises:
        SuiteError: fewer different texts than topics.
    """
    if not topics:
        return ()
    texts = [record.text for record in auxiliary]
    return tuple(sorted(texts[i] for i in medoids(_embedded(encoder, texts), topics, axes)))


def medoids(points: Floats, clusters: int, axes: tuple[str | int, ...]) -> list[int]:
    """Row of the point ``[n, d]`` nearest to the centre of each of ``clusters`` k-means clusters, among its own points.

    Raises:
        SuiteError: fewer different points than clusters.
    """
    from sklearn.cluster import KMeans

    if (different := len(np.unique(points, axis=0))) < clusters:
        raise SuiteError(f"topics: {clusters}; the auxiliary texts have {different} different embeddings")
    seed = int(numpy_generator("topics", *axes).integers(2**31))
    fitted = KMeans(clusters, n_init=STARTS, random_state=seed).fit(points)
    away = np.linalg.norm(points - fitted.cluster_centers_[fitted.labels_], axis=1)
    inside = fitted.labels_ == np.arange(clusters)[:, None]
    return [int(row) for row in np.where(inside, away, np.inf).argmin(1)]


def topic_counts(
    records: Mapping[str, Sequence[Item]], topics: Sequence[str], encoder: Encoder
) -> dict[str, dict[str, int]]:
    """Party -> topic -> number of its records that are nearest (Euclidean) to that topic's medoid."""
    from scipy.spatial.distance import cdist

    centres, counts_of = _embedded(encoder, topics), {}
    for party, items in records.items():
        nearest = cdist(_embedded(encoder, [item.text for item in items]), centres, "sqeuclidean").argmin(1)
        counts = Counter(nearest.tolist())
        counts_of[party] = {topic: counts[i] for i, topic in enumerate(topics)}
    return counts_of


def _embedded(encoder: Encoder, texts: Sequence[str]) -> Floats:
    return np.asarray(embed(encoder, texts).double().numpy())
