"""Candidates as arrays: their parties, labels, groups and scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from attacks.toolkit.view import labels_of
from harness.attack import Candidate, Floats, Ints, Mask, SuiteError

if TYPE_CHECKING:
    from harness.attack import Public, View

__all__ = ["by_party", "candidate_counts", "groups_of", "label_ids", "scores_of"]


def candidate_counts(view: View, party: str) -> Counter[str]:
    """Class -> how many of the party's candidates carry it; canaries, whose label may be made up, count where there are
    no others.
    """
    own = [one for one in view.candidates if one.party == party and one.label in labels_of(view.public)]
    average = [one for one in own if not one.canary]
    return Counter(str(one.label) for one in average or own)


def groups_of(candidates: Sequence[Candidate]) -> Ints:
    """Groups ``[m]`` of candidates that are alike: canaries and average records of each party."""
    names = [f"{c.party}/{c.canary}" for c in candidates]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def scores_of(candidates: Sequence[Candidate], scores: Floats, usable: Mask | None = None) -> dict[str, float]:
    """Candidate id -> score; those about whom nothing was said get the median, which says nothing."""
    known = np.isfinite(scores) & (True if usable is None else usable)
    middle = float(np.median(scores[known])) if known.any() else 0.0
    return {c.id: float(s) if k else middle for c, s, k in zip(candidates, scores, known, strict=True)}


def label_ids(candidates: Sequence[Candidate], public: Public) -> Ints:
    """Class numbers ``[m]`` of the candidates' labels; :class:`SuiteError` for one outside the label set."""
    names = labels_of(public)
    if strange := sorted({str(c.label) for c in candidates} - set(names)):
        raise SuiteError(f"candidates labelled {', '.join(strange[:3])}, not in the label set {', '.join(names)}")
    return np.array([names.index(str(c.label)) for c in candidates], dtype=np.int64)


def by_party(candidates: Sequence[Candidate]) -> Mapping[str, Ints]:
    """Party -> rows of its candidates."""
    rows: dict[str, list[int]] = {}
    for row, candidate in enumerate(candidates):
        rows.setdefault(candidate.party, []).append(row)
    return {party: np.array(some, dtype=np.int64) for party, some in rows.items()}
