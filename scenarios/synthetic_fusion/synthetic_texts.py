"""Synthetic texts in the hands of the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.scenario import ProtocolError

__all__ = ["SyntheticTexts"]


@dataclass
class SyntheticTexts:
    """Synthetic texts with labels and the generators that wrote them."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)

    def add(self, texts: Sequence[str], labels: Sequence[int], owner: str, classes: Sequence[str]) -> None:
        """Append texts with their class numbers; blank ones and unknown classes are left out.

        Raises:
            ProtocolError: not as many labels as texts.
        """
        if len(texts) != len(labels):
            raise ProtocolError(f"{owner} sent {len(texts)} texts with {len(labels)} labels")
        for text, label in zip(texts, labels, strict=True):
            if text.strip() and 0 <= label < len(classes):
                self.texts.append(text)
                self.labels.append(classes[label])
                self.owners.append(owner)

    def with_more(self, more: tuple[list[str], list[str], list[str]]) -> SyntheticTexts:
        """These texts and others after them."""
        return SyntheticTexts(self.texts + more[0], self.labels + more[1], self.owners + more[2])

    def rows(self, index: Sequence[int]) -> SyntheticTexts:
        """The texts at ``index``."""
        parts = (self.texts, self.labels, self.owners)
        return SyntheticTexts(*([part[i] for i in index] for part in parts))
