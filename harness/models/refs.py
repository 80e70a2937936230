"""References to model parts and to text encoders: plain data, without any weights."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Encoder", "PartRef"]


@dataclass(frozen=True)
class PartRef:
    """Blocks ``start .. stop`` of a model (``stop`` None: to the end), with the language-model head or without.

    ``embed`` False leaves out the embeddings of a part that starts at block 0: it is fed hidden states.
    """

    model: str
    start: int
    stop: int | None
    head: bool = False
    embed: bool = True


@dataclass(frozen=True)
class Encoder:
    """A frozen public text encoder: mean over the token states of a part, then L2-normalised."""

    part: PartRef
    max_tokens: int = 64
    """Texts are truncated to this many tokens, special ones aside."""
