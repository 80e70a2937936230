"""Blind guess at tokens: the usual token of each position, or a language model's own text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

import torch

from attacks.toolkit.readers.hidden_states import Sequences, allowed_tokens, auxiliary_sequences
from harness.attack import Attack, SplitFacts, frequent_tokens

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Part, View

__all__ = ["BlindTokens", "agreement", "greedy_continuation", "modal_tokens"]


class BlindTokens(Attack):
    """One guess for all texts: the usual token of each position, or what a language model would say.

    Of the two, the guess that agrees better with held-back auxiliary texts is used. Text lengths are not
    known without the transcript, so ``max_tokens`` positions are guessed. The ``frequent`` most frequent
    auxiliary tokens are never guessed and not counted, as in content-token accuracy; 0 guesses all tokens.
    """

    name: ClassVar[str] = "blind_tokens"
    summary: ClassVar[str] = "most frequent auxiliary token per position, or the language model's greedy text"
    source: ClassVar[str] = "baseline"
    reads: ClassVar[tuple[str, ...]] = ()
    blind: ClassVar[bool] = True
    needs: ClassVar[tuple[type[Facts], ...]] = (SplitFacts,)

    def __init__(
        self, *, texts: int = 2000, validation: float = 0.25, frequent: int = 100, language_model: bool = True
    ) -> None:
        self.texts = texts
        self.validation = validation
        self.frequent = frequent
        self.language_model = language_model

    def guess(self, view: View) -> Guess:
        """One list of token ids for every record."""
        split = view.sessions.facts
        sequences = auxiliary_sequences(view, self.texts)
        held = max(int(len(sequences) * self.validation), 1)
        skipped = frequent_tokens(sequences, self.frequent)
        guesses = [modal_tokens(sequences[held:], split.max_tokens, skipped)]
        if self.language_model and split.prefix and view.sessions.part(0, 0).causal:
            guesses.append(greedy_continuation(view.sessions.part(0, None, head=True), split))
        best = max(guesses, key=lambda tokens: agreement(tokens, sequences[:held], skipped))
        return {observation.record: list(best) for observation in view.sessions.observations()}


def modal_tokens(sequences: Sequences, length: int, skipped: Collection[int] = ()) -> list[int]:
    """The most frequent token, but for ``skipped`` ones, at each of ``length`` positions (of equals, the smallest id).

    Positions where no sequence has any get the most frequent token of all; of no sequences nothing is guessed.
    """
    counted = [[(at, token) for at, token in enumerate(one) if token not in skipped] for one in sequences]
    anywhere = Counter(token for one in counted for _, token in one)
    columns: list[Counter[int]] = [Counter() for _ in range(length)]
    for at, token in (pair for one in counted for pair in one):
        if at < length:
            columns[at][token] += 1
    return [_mode(column or anywhere) for column in columns] if anywhere else []


def _mode(counts: Counter[int]) -> int:
    return min(counts, key=lambda token: (-counts[token], token))


@torch.no_grad()
def greedy_continuation(model: Part, split: SplitFacts) -> list[int]:
    """The ``max_tokens`` tokens that a whole causal model finds likeliest, one by one, after the public prefix."""
    allowed = allowed_tokens(split, model.vocab_size).to(model.device)
    cache, tokens = model.new_cache(), list(split.prefix)
    fresh = torch.tensor([tokens], device=model.device)
    while len(tokens) < len(split.prefix) + split.max_tokens:
        logits = model(fresh, cache)[:, -1].masked_fill(~allowed, -torch.inf)
        fresh = logits.argmax(-1, keepdim=True)
        tokens.append(int(fresh))
    return tokens[len(split.prefix) :]


def agreement(guess: Sequence[int], sequences: Sequences, skipped: Collection[int] = ()) -> float:
    """Share of the tokens of ``sequences``, ``skipped`` ones aside, that ``guess`` has at their position; 0 of none."""
    counted = [[token not in skipped for token in one] for one in sequences]
    hits = sum(
        mine == theirs and counts
        for one, marks in zip(sequences, counted, strict=True)
        for mine, theirs, counts in zip(guess, one, marks, strict=False)
    )
    return hits / max(sum(map(sum, counted)), 1)
