"""Paraphrases by lexical substitution: words are replaced by words that a public encoder takes for nearly the same.

The neighbours of a word are those of its input vector in a sentence encoder that was trained on paraphrases, as Jin et
al. 2020, "Is BERT Really Robust?", section 3, take them from vectors of synonyms. Word order stays, and so do numbers,
names and links that are no single word of the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.scenario import load_tokens, single_flight, tokenizer_folder

__all__ = ["Synonyms", "paraphrase", "synonyms", "words_of"]

Synonyms = Mapping[str, Sequence[str]]
"""Word in lower case -> words that may stand for it, nearest first."""

NEAR = 0.5
"""Least cosine of two centred word vectors. MiniLM has physician for doctor at 0.61, but also bad for good at 0.54."""
MOST = 4
"""Words that may stand for one."""
SHARE = 0.5
"""Share of the words with synonyms that is replaced; at least one word is."""
_WORD = re.compile(r"(?<![\w@#/.:'])[A-Za-z]{3,}(?![\w@/:'])")


def words_of(texts: Iterable[str]) -> list[str]:
    """Words in lower case that may be replaced, each once; parts of links, handles and contractions are none."""
    return sorted({word.casefold() for text in texts for word in _WORD.findall(text)})


def synonyms(model: str, words: Sequence[str]) -> Synonyms:
    """Stand-ins for each of ``words`` that is a single token of encoder ``model``; words without any are left out."""
    known = _vocabulary(model)
    asked = [word for word in words if word in known.rows]
    neighbours: dict[str, Sequence[str]] = {}
    for batch in (asked[i : i + 512] for i in range(0, len(asked), 512)):
        rows = torch.tensor([known.rows[word] for word in batch])
        cosines = known.vectors[rows] @ known.vectors.T
        cosines[torch.arange(len(batch)), rows] = -1.0
        best = torch.topk(cosines, min(MOST, cosines.shape[1]))
        for word, values, places in zip(batch, best.values.tolist(), best.indices.tolist(), strict=True):
            neighbours[word] = [known.words[i] for value, i in zip(values, places, strict=True) if value >= NEAR]
    return {word: near for word, near in neighbours.items() if near}


def paraphrase(text: str, known: Synonyms, generator: torch.Generator) -> str:
    """``text`` with a random half of the words that have synonyms replaced; as it is where none has any."""
    places = [match for match in _WORD.finditer(text) if known.get(match[0].casefold())]
    count = min(len(places), max(1, round(SHARE * len(places))))
    chosen = torch.randperm(len(places), generator=generator)[:count].tolist()
    for match in sorted((places[i] for i in chosen), key=lambda match: -match.start()):
        options = known[match[0].casefold()]
        other = options[int(torch.randint(len(options), (1,), generator=generator))]
        text = text[: match.start()] + _cased(other, match[0]) + text[match.end() :]
    return text


def _cased(word: str, like: str) -> str:
    """``word`` in capitals, or with a capital, as ``like`` is."""
    return word.upper() if like.isupper() else word.capitalize() if like[0].isupper() else word


@dataclass(frozen=True)
class _Vocabulary:
    words: Sequence[str]
    rows: Mapping[str, int]
    vectors: Tensor
    """Centred, of length 1, ``[n, d]``."""


@single_flight(maxsize=2)
def _vocabulary(model: str) -> _Vocabulary:
    """Tokens of an encoder that are whole words of three letters or more."""
    from harness.scenario import load_part

    tokens, table = load_tokens(tokenizer_folder(model)), load_part(model, 0, 0).embed_table.detach().float()
    spelled = {i: tokens.decode([i]).strip() for i in range(len(table)) if i not in tokens.special_ids}
    ids = {word: i for i, word in spelled.items() if _WORD.fullmatch(word) and tokens.encode(word) == [i]}
    lower = {word: i for word, i in ids.items() if word == word.casefold()}
    centred = table[list(lower.values())] - table.mean(0)
    vectors = torch.nn.functional.normalize(centred, dim=1)
    return _Vocabulary(list(lower), {word: row for row, word in enumerate(lower)}, vectors)
