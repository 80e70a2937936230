"""RMIA by shadow runs without the candidate."""

from __future__ import annotations

from typing import ClassVar

from attacks.membership_inference.rmia import Rmia

__all__ = ["OfflineRmia"]


class OfflineRmia(Rmia):
    """The attack on shadow runs without the candidate; what it would add is guessed by a slope that shadows fit, each
    a target of the others.
    """

    name: ClassVar[str] = "offline_rmia"
    summary: ClassVar[str] = "likelihood ratio against public texts, by shadow runs without the candidate"

    def __init__(self, *, shadows: int = 0, gamma: float = 1.0) -> None:
        super().__init__(shadows=shadows, online=False, gamma=gamma)
