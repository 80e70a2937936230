"""Undoing what a defense's ``prepare`` does to texts: learned from the attacker's own, never read from the source.

What an attack reads from states are the tokens that the party really ran. The secret is the text before it was
rewritten: words put around every text are taken off, ciphers of letters and of words are turned round, and a rewriting
that undoes itself is applied once more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["originals", "undoing"]

TEXTS = 200
"""Texts of the attacker's own that are rewritten to learn from."""
MOST = 0.9
"""Share of texts that a way of undoing must give back."""

Undo = Callable[[str], str]


def originals(view: View, guesses: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """``guesses`` (record -> token ids that the party ran) as token ids of the texts before rewriting.

    An oblivious attacker leaves them as they are, and so does one who finds nothing rewritten.
    """
    same = {record: list(ids) for record, ids in guesses.items()}
    texts = [record.text for record in view.public.auxiliary[:TEXTS]]
    if not view.adaptive or not texts:
        return same
    rewritten = view.prepare(texts)
    if rewritten == texts:
        return same
    from harness.attack import load_tokens, tokenizer_folder

    undo = undoing(texts, rewritten, view.prepare)
    tokens = load_tokens(tokenizer_folder(view.sessions.facts.model))
    return {record: view.sessions.tokenize(undo(tokens.decode(ids))) for record, ids in same.items()}


def undoing(before: Sequence[str], after: Sequence[str], rewrite: Callable[[Sequence[str]], list[str]]) -> Undo:
    """The way back from ``after`` to ``before`` that gives most of the texts back; ``rewrite`` is the way there."""
    pairs = list(zip(before, after, strict=True))
    best: Undo = _unchanged
    hits = -1.0
    strips = (_unchanged, *_strippings(before, after))
    # A dictionary gives back what it was made from: it comes last.
    ways = [way for strip in strips for way in _ways(pairs, strip, rewrite)]
    for way in [*ways, *(_by_words(pairs, strip) for strip in strips)]:
        share = sum(way(text).split() == plain.split() for plain, text in pairs) / len(pairs)
        if share > hits:
            best, hits = way, share
        if hits >= MOST:
            break
    return best


def _unchanged(text: str) -> str:
    return text


def _ways(
    pairs: Sequence[tuple[str, str]], strip: Undo, rewrite: Callable[[Sequence[str]], list[str]]
) -> Iterator[Undo]:
    """Ways back from a text that is stripped first, the simplest one first."""
    yield strip
    cores = [(plain, strip(text)) for plain, text in pairs]
    if letters := _letters(cores):
        yield lambda text: strip(text).translate(letters)
    yield lambda text: strip(rewrite([strip(text)])[0])


def _by_words(pairs: Sequence[tuple[str, str]], strip: Undo) -> Undo:
    words = _words([(plain, strip(text)) for plain, text in pairs])
    return lambda text: " ".join(words.get(word, word) for word in strip(text).split(" "))


def _strippings(before: Sequence[str], after: Sequence[str]) -> Iterator[Undo]:
    """Take off what every rewritten text begins with, ends with, or both, unless the plain ones do as well."""
    front, back = _shared(before, after), _shared([t[::-1] for t in before], [t[::-1] for t in after])[::-1]
    yield lambda text: text.removeprefix(front if text.startswith(front) else front.strip())
    yield lambda text: text.removesuffix(back)
    yield lambda text: text.removeprefix(front if text.startswith(front) else front.strip()).removesuffix(back)


def _shared(before: Sequence[str], after: Sequence[str]) -> str:
    """Beginning that all rewritten texts share, without what the plain ones begin with as well."""
    return _beginning(after).removesuffix(_beginning(before))


def _beginning(texts: Sequence[str]) -> str:
    lowest, highest = min(texts), max(texts)
    return next((lowest[:i] for i, (a, b) in enumerate(zip(lowest, highest, strict=False)) if a != b), lowest)


def _letters(cores: Sequence[tuple[str, str]]) -> dict[int, str]:
    """Character of the rewritten text -> the original's, from texts that kept their length; empty where it varies."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    equal = [(plain, text) for plain, text in cores if len(plain) == len(text)]
    if len(equal) < MOST * len(cores):
        return {}
    for plain, text in equal:
        for a, b in zip(text, plain, strict=True):
            seen[a][b] += 1
    sure = sum(count.most_common(1)[0][1] for count in seen.values())
    total = sum(sum(count.values()) for count in seen.values())
    return {ord(a): count.most_common(1)[0][0] for a, count in seen.items()} if sure >= MOST * total else {}


def _words(cores: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Word of a rewritten text -> the original's, from texts that kept their number of words."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for plain, text in cores:
        if len(plain.split()) == len(text.split()):
            for a, b in zip(text.split(), plain.split(), strict=True):
                seen[a][b] += 1
    return {a: count.most_common(1)[0][0] for a, count in seen.items()}
