"""LiRA by shadow runs without the candidate."""

from __future__ import annotations

from typing import ClassVar

from attacks.membership_inference.shadow_lira import ShadowLira

__all__ = ["OfflineLira"]


class OfflineLira(ShadowLira):
    """The attack where shadow runs cannot be made with the candidates, or were made before they were known."""

    name: ClassVar[str] = "offline_lira"
    summary: ClassVar[str] = "how far the party's confidence lies above that of shadow runs without the candidate"
    source: ClassVar[str] = "Carlini et al. 2022, section V-A"

    def __init__(self, *, shadows: int = 0, shrink: bool = True) -> None:
        super().__init__(shadows=shadows, mode="offline", shrink=shrink)
