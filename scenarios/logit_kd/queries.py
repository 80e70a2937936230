"""Queries of a server besides the public texts: fresh public ones or, where it is active, candidates; with copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from harness.scenario import Candidate, Net
from scenarios.logit_kd.paraphrase import paraphrase, synonyms, words_of

__all__ = ["Alter", "Queries", "choose_queries", "disturb", "paraphraser", "with_copies"]

Alter = Callable[[str, torch.Generator], str]
"""Text -> an altered copy of it."""


@dataclass(frozen=True)
class Queries:
    """All queries in order: ``texts``, with the candidate each is about (``ids``, empty for texts that are public)."""

    texts: list[str]
    ids: list[str]
    parts: Mapping[str, Sequence[int]]
    """Client -> which queries beyond the public ones it is asked."""

    def texts_of(self, party: str) -> list[str]:
        """Texts that one client is asked about besides the public ones."""
        return [self.texts[i] for i in self.parts.get(party, ())]


def choose_queries(net: Net, public: Sequence[str]) -> Queries:
    """Ask every client the same: an honest server fresh public questions, an active one (``chosen``) as many about all
    candidates, so that those of one can calibrate another's. Each text comes once, then in altered copies.
    """
    active = net.behaviour == "chosen"
    texts, ids = list(public), [""] * len(public)
    for candidate, asked in net.settings["candidates" if active else "questions"].items():
        texts += asked
        ids += [candidate if active else ""] * len(asked)
    return Queries(texts, ids, dict.fromkeys(net.parties, range(len(public), len(texts))))


def with_copies(
    candidates: Sequence[Candidate], copies: int, ways: Sequence[Alter], generator: torch.Generator
) -> dict[str, list[str]]:
    """Candidate id -> its text and ``copies`` copies, altered by ``ways`` in turn: the same in every shadow run, so
    that answers compare text by text and none is encoded twice.
    """
    in_turn = [ways[i % len(ways)] for i in range(copies)]
    return {c.id: [c.text, *(alter(c.text, generator) for alter in in_turn)] for c in candidates}


def paraphraser(model: str, texts: Sequence[str]) -> Alter:
    """Paraphrases of ``texts`` with the words of encoder ``model``; a text without a word that could be replaced is
    :func:`disturb`-ed, since a copy that is no copy would count as one more answer.
    """
    known = synonyms(model, words_of(texts))

    def alter(text: str, generator: torch.Generator) -> str:
        other = paraphrase(text, known, generator)
        return disturb(text, generator) if other == text else other

    return alter


def disturb(text: str, generator: torch.Generator, share: float = 0.25) -> str:
    """The text without a random quarter of its words (at least one is dropped, and one stays)."""
    words = text.split()
    if len(words) < 2:
        return text
    drop = min(len(words) - 1, max(1, round(share * len(words))))
    gone = set(torch.randperm(len(words), generator=generator)[:drop].tolist())
    return " ".join(word for place, word in enumerate(words) if place not in gone)
