"""The parts of :class:`harness.attack.View` that a stand-in for one family of protocols lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from harness.attack import Candidate, Kind, Message, Observation, SeenMessage, Shadow
from harness.data.record import Item
from harness.models import Part

__all__ = ["NoRounds", "NoSessions"]


class NoRounds:
    """A stand-in of split inference: nothing of protocols in rounds."""

    @property
    def transcript(self) -> Sequence[SeenMessage]:
        raise NotImplementedError

    @property
    def own(self) -> Mapping[str, Any]:
        raise NotImplementedError

    @property
    def candidates(self) -> Sequence[Candidate]:
        raise NotImplementedError

    def shadows(self, n: int | None = None) -> Sequence[Shadow]:
        raise NotImplementedError

    def others(self, candidate: str) -> Mapping[str, Sequence[Item]]:
        raise NotImplementedError

    def embed(self, texts: Sequence[str], encoder: Any = None) -> Tensor:
        raise NotImplementedError


class NoSessions:
    """A stand-in of a protocol in rounds: nothing of split inference."""

    def observations(self) -> list[Observation]:
        raise NotImplementedError

    def messages(self, kind: Kind | None = None) -> list[Message]:
        raise NotImplementedError

    def simulate(self, texts: Sequence[str], *, repeats: int = 1) -> list[Observation]:
        raise NotImplementedError

    def known_pairs(self) -> list[Observation]:
        raise NotImplementedError

    def part(self, start: int, stop: int | None, *, head: bool = False) -> Part:
        raise NotImplementedError

    def tokenize(self, text: str) -> list[int]:
        raise NotImplementedError
