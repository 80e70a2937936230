"""The parts of :class:`harness.attack.View` that a stand-in for one family of protocols lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from harness.attack import Candidate, Kind, Message, SeenMessage, Sessions, Shadow
from harness.data.record import Item

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

    def defend(self, messages: Sequence[Message], *, repeats: int = 1, party: str | None = None) -> list[Message]:
        raise NotImplementedError

    def prepare(self, texts: Sequence[str], *, party: str | None = None) -> list[str]:
        raise NotImplementedError

    def embed(self, texts: Sequence[str], encoder: Any = None) -> Tensor:
        raise NotImplementedError


class NoSessions:
    """A stand-in of a protocol in rounds: nothing of split inference."""

    @property
    def sessions(self) -> Sessions:
        raise NotImplementedError

    def defend(self, messages: Sequence[Message], *, repeats: int = 1, party: str | None = None) -> list[Message]:
        raise NotImplementedError

    def prepare(self, texts: Sequence[str], *, party: str | None = None) -> list[str]:
        raise NotImplementedError

    def messages(self, kind: Kind | None = None) -> list[Message]:
        raise NotImplementedError
