"""LiRA on students that are distilled from logits on public texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.membership_inference.evidence import Reader, passive_reader
from attacks.membership_inference.shadow_lira import ShadowLira

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["SurrogateLira"]


class SurrogateLira(ShadowLira):
    """LiRA on students: each party's model is distilled from its logits on public texts, and so is every shadow's."""

    name: ClassVar[str] = "surrogate_lira"
    summary: ClassVar[str] = "likelihood ratio on students distilled from public logits: nothing is asked"
    source: ClassVar[str] = "Carlini et al. 2022 on distilled models (Shi et al. 2025)"
    direct: ClassVar[bool] = False

    def reader(self, view: View) -> Reader:
        """Answers of students."""
        return passive_reader(view, self.memo)
