"""The public model of a protocol in rounds, with its tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.attack import ModelFacts, load_tokens, public_part, tokenizer_folder

if TYPE_CHECKING:
    from harness.attack import Part, Public, Tokens

__all__ = ["PublicModel"]


class PublicModel:
    """The model that a deployment makes public (an encoder or a generator); sessions of split inference have their own.

    Raises:
        DataError: it makes none public.
    """

    def __init__(self, public: Public) -> None:
        self.facts = public.need(ModelFacts)

    @property
    def tokens(self) -> Tokens:
        """Its tokenizer."""
        return load_tokens(tokenizer_folder(self.facts.model))

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a text, truncated as those of the parties are."""
        return self.tokens.encode(text)[: self.facts.max_tokens]

    def part(self, start: int, stop: int | None, *, head: bool = False) -> Part:
        """A part of the model, loaded once per process; its weights must not be changed."""
        return public_part(self.facts.model, start, stop, head)
