"""Prompts of lm-eval requests, and their token ids by the conventions of lm-eval's own model classes.

A context ends without white space, which belongs to the continuation; a continuation's ids are those that context and
continuation together have beyond the context's; an empty context is the beginning-of-text token alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.util.caching import single_flight

if TYPE_CHECKING:
    from harness.models.tokens import Tokens

__all__ = ["Form", "Prompt", "Wording", "cut_at", "prompts_of", "wording_of"]

Mode = Literal["choices", "rolling", "generation"]


@dataclass(frozen=True)
class Form:
    """The form of all questions of one deployment: everybody knows it."""

    mode: Mode
    """``choices``: continuations of a context are scored; ``rolling``: a whole text is; ``generation``: greedy."""
    until: tuple[str, ...] = ()
    """Texts at which a generation may stop."""
    new_tokens: int = 0
    """The most tokens that are generated."""


@dataclass(frozen=True)
class Prompt:
    """One private text, with the continuations of it that are scored."""

    text: str
    continuations: tuple[str, ...] = ()


def prompts_of(pairs: Sequence[tuple[str, str]]) -> tuple[list[Prompt], list[tuple[int, int]]]:
    """Prompts of (context, continuation) pairs, each context once, and each pair's place: prompt, continuation.

    Continuations stand in the order of the alphabet: in the order of their files the right one is often the last, which
    a private party could answer by.
    """
    wanted: dict[str, set[str]] = {}
    for context, continuation in pairs:
        text = context.rstrip()
        wanted.setdefault(text, set()).add(context[len(text) :] + continuation)
    prompts = [Prompt(text, tuple(sorted(own))) for text, own in wanted.items()]
    numbers = {prompt.text: number for number, prompt in enumerate(prompts)}
    places = []
    for context, continuation in pairs:
        text = context.rstrip()
        number = numbers[text]
        places.append((number, prompts[number].continuations.index(context[len(text) :] + continuation)))
    return prompts, places


@dataclass(frozen=True)
class Wording:
    """From texts to token ids, for one model."""

    tokens: Tokens
    prefix: tuple[int, ...]
    """Ids that the tokenizer puts before every text of its own accord."""
    start: int
    """The id that stands for an empty context."""
    end: int
    """The id that ends a text."""

    @classmethod
    def from_settings(cls, tokens: Tokens, settings: Mapping[str, Any]) -> Wording:
        """The wording that a party's settings describe."""
        return cls(tokens, tuple(settings["added"]), int(settings["start"]), int(settings["end"]))

    def settings(self) -> dict[str, Any]:
        """Inverse of :meth:`from_settings`."""
        return {"added": list(self.prefix), "start": self.start, "end": self.end}

    def before(self, mode: Mode) -> tuple[int, ...]:
        """Ids before the text of a prompt that is not empty."""
        return (self.start, *self.prefix) if mode == "rolling" else self.prefix

    def prompt(self, text: str, mode: Mode) -> list[int]:
        """Ids of a prompt."""
        if text == "" and mode == "choices":
            return [self.start]
        return [*self.before(mode), *self.tokens.encode(text)]

    def continuation(self, text: str, continuation: str) -> list[int]:
        """Ids of a continuation of ``text``."""
        if text == "":
            ids = self.tokens.encode(continuation)
            return ids[1:] if ids[:1] == [self.start] else ids
        return self.tokens.encode(text + continuation)[len(self.tokens.encode(text)) :]


@single_flight(maxsize=8)
def wording_of(model: str) -> Wording:
    """The wording of a model by its tokenizer, as ``lm_eval.models.huggingface.HFLM`` takes it."""
    from harness.models.tokens import load_tokenizer, load_tokens, tokenizer_folder

    tokenizer = load_tokenizer(model)
    whole, bare = (tokenizer("x", add_special_tokens=special)["input_ids"] for special in (True, False))
    added = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), 0)
    ends = [int(i) for i in (tokenizer.bos_token_id, tokenizer.eos_token_id) if i is not None] or [0]
    return Wording(load_tokens(tokenizer_folder(model)), tuple(whole[:added]), ends[0], ends[-1])


def cut_at(text: str, stops: Sequence[str]) -> str:
    """The text before the first of ``stops``; empty ones do not count."""
    for stop in filter(None, stops):
        text = text.split(stop, maxsplit=1)[0]
    return text
