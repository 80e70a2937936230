"""Membership in a class prototype, by nearness that is calibrated on shadow runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch

from harness.attack import Attack, Facts, Guess, Kind, PrototypeFacts, Public, SeenMessage, View

__all__ = ["ATTACKS", "PrototypeGap"]

ATTACKS = {"prototype_gap": f"{__name__}:PrototypeGap"}
"""The table that the registry reads where this module is an entry point of ``leakboard.plugins``."""


class PrototypeGap(Attack):
    """Cosine of a record to its party's nearest prototype, minus the same in shadow runs without the record."""

    name: ClassVar[str] = "prototype_gap"
    summary: ClassVar[str] = "how much nearer a record is to a prototype than without it"
    source: ClassVar[str] = "difficulty calibration: Watson, Guo, Cormode, Sablayrolles (2022), section 4"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)
    needs: ClassVar[tuple[type[Facts], ...]] = (PrototypeFacts,)

    def __init__(self, *, shadows: int | None = None) -> None:
        self.shadows = shadows

    def refuses(self, public: Public) -> str | None:
        """Each client's own projection leaves the space of the public embeddings."""
        apart = "prototypes are in another space than the public embeddings"
        return super().refuses(public) or (apart if public.need(PrototypeFacts).features == "projection" else None)

    def guess(self, view: View) -> Guess:
        """Candidate id -> score, larger meaning member."""
        points = view.embed([candidate.text for candidate in view.candidates])
        here = nearness(view.transcript, view, points)
        usual: dict[str, list[float]] = {candidate.id: [] for candidate in view.candidates}
        for shadow in view.shadows(self.shadows):
            there = nearness(shadow.transcript, view, points)
            for name, is_member in shadow.members.items():
                if not is_member:
                    usual[name].append(there[name])
        return {name: value - sum(usual[name]) / max(1, len(usual[name])) for name, value in here.items()}


def nearness(transcript: Sequence[SeenMessage], view: View, points: torch.Tensor) -> dict[str, float]:
    """Candidate id -> largest cosine of its embedding to a prototype that its party sent; -1 where it sent none."""
    sent: dict[str, list[torch.Tensor]] = {}
    for seen in transcript:
        if seen.message.kind is Kind.PROTOTYPE:
            sent.setdefault(seen.sender, []).append(seen.message["means"])
    best = {}
    for candidate, point in zip(view.candidates, points, strict=True):
        means = torch.cat(sent[candidate.party]) if candidate.party in sent else torch.zeros(0, len(point))
        cosines = torch.nn.functional.cosine_similarity(means, point[None])
        best[candidate.id] = float(cosines.max()) if len(cosines) else -1.0
    return best
