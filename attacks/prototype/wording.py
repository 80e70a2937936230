"""From an embedding to the words of its text: words read off linearly, then a search through the encoder itself.

The reader is a multi-label linear decoder (Song and Raghunathan 2020, section 4), trained on the attacker's own texts.
Its words and the nearest own texts start a beam search that re-embeds every hypothesis with the victim's encoder, as
Morris et al. (2023, "Text Embeddings Reveal (Almost) As Much As Text", section 3) do; edits are proposed by the
gradient of the cosine with respect to the input embeddings (Ebrahimi et al. 2018, "HotFlip", section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from attacks.embedding_inversion.linear import Linear, fit_ridge
from harness.attack import Part

__all__ = ["Budget", "Reader", "Sentences", "fit_reader", "reword"]

PENALTY = 40.0
SHORTEST = 2
WORDS, MISSING, NEAREST = 400, 40, 6
"""Words that may be put in place of others; words that may be inserted; own texts that the search starts from."""

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Budget:
    """``width`` hypotheses are kept; of each, ``tries`` replacements are tried per step, at most ``steps`` times."""

    width: int = 3
    tries: int = 24
    steps: int = 30
    patience: int = 2


@dataclass(frozen=True)
class Reader:
    """Linear maps from a unit vector ``[d]`` to which words its text holds, and to how many tokens it has."""

    words: Tensor
    """Token ids ``[V]`` that occur in own texts."""
    occurs: Linear
    usual: Tensor
    """Share of own texts that hold the word, ``[V]``."""
    tokens: Linear
    texts: Sequence[Ids]
    vectors: Tensor
    """Of the own texts, ``[m, d]``."""

    def lift(self, vector: Tensor) -> Tensor:
        """How far each word's share exceeds the usual, ``[V]``: rare words count more, but less than in full."""
        found: Tensor = (self.occurs(vector) - self.usual) / self.usual**0.25
        return found

    def length(self, vector: Tensor, most: int) -> int:
        """The expected number of tokens, from :data:`SHORTEST` to ``most``."""
        return int(np.clip(round(float(self.tokens(vector))), SHORTEST, most))


@dataclass(frozen=True)
class Sentences:
    """The victim's encoder: mean over all positions, then L2-normalised."""

    part: Part
    prefix: Ids
    suffix: Ids
    longest: int

    def cosines(self, texts: Sequence[Ids], target: Tensor) -> list[float]:
        """Of every text's embedding with ``target [d]``; texts of equal length share a batch."""
        found = [0.0] * len(texts)
        lengths: dict[int, list[int]] = {}
        for place, ids in enumerate(texts):
            lengths.setdefault(len(ids), []).append(place)
        with torch.inference_mode():
            for places in lengths.values():
                rows = self._embed(self.part.embed_table[torch.tensor([texts[i] for i in places])]) @ target
                for place, value in zip(places, rows.tolist(), strict=True):
                    found[place] = value
        return found

    def slope(self, ids: Ids, target: Tensor) -> Tensor:
        """Gradient ``[T, w]`` of the cosine with respect to the input embeddings."""
        x = self.part.embed_table.detach()[torch.tensor([ids])].clone().requires_grad_(True)
        with torch.enable_grad():
            (found,) = torch.autograd.grad(self._embed(x)[0] @ target, x)
        return found[0]

    def _embed(self, x: Tensor) -> Tensor:
        table = self.part.embed_table.detach()
        around = [table[torch.tensor(i, dtype=torch.long)].expand(len(x), -1, -1) for i in (self.prefix, self.suffix)]
        return normalize(self.part(torch.cat([around[0], x, around[1]], 1)).mean(1), dim=-1)


def fit_reader(texts: Sequence[Ids], vectors: Tensor, noise: float = 0.0) -> Reader:
    """Train on own ``texts`` and their ``vectors [m, d]``; ``noise`` is the variance per coordinate of what is read."""
    words = torch.tensor(sorted({token for ids in texts for token in ids}))
    occurs = torch.stack([torch.isin(words, torch.tensor(ids)) for ids in texts]).to(vectors.dtype)
    counts = torch.tensor([[float(len(ids))] for ids in texts], dtype=vectors.dtype)
    maps = [fit_ridge(vectors, y, PENALTY, noise_variance=noise) for y in (occurs, counts)]
    return Reader(words, maps[0], occurs.mean(0), maps[1], texts, vectors)


def reword(target: Tensor, reader: Reader, sentences: Sentences, budget: Budget, rng: np.random.Generator) -> Ids:
    """Token ids whose embedding is near ``target [d]``, a unit vector: beam search until it no longer comes nearer.

    Under isotropic noise the likeliest text is that of largest cosine too, so the search is the same.
    """
    lift = reader.lift(target)
    order = torch.argsort(lift, descending=True)
    ranked = reader.words[order]
    bag = tuple(ranked[: reader.length(target, sentences.longest)].tolist())
    nearest = torch.argsort(reader.vectors @ target, descending=True)[:NEAREST].tolist()
    known: dict[Ids, float] = {}

    def judge(texts: Sequence[Ids]) -> None:
        fresh = sorted({ids for ids in texts if ids and ids not in known})
        known.update(zip(fresh, sentences.cosines(fresh, target), strict=True))

    judge([bag, *(reader.texts[i] for i in nearest)])
    weights = ((lift - lift.mean()) / lift.std().clamp_min(1e-12))[order]
    grown: set[Ids] = set()
    stale = 0
    for _ in range(budget.steps):
        beam = _best(known, budget.width)
        before = known[beam[0]]
        for ids in (one for one in beam if one not in grown):
            grown.add(ids)
            slope = sentences.slope(ids, target)
            judge(
                [
                    *_replaced(ids, slope, sentences.part.embed_table.detach(), ranked, weights, budget.tries),
                    *_rearranged(ids, ranked, budget.tries, sentences.longest, rng),
                ]
            )
        stale = 0 if known[_best(known, 1)[0]] > before + 1e-4 else stale + 1
        if stale >= budget.patience:
            break
    return _best(known, 1)[0]


def _best(known: dict[Ids, float], count: int) -> list[Ids]:
    return sorted(known, key=lambda ids: (-known[ids], ids))[:count]


def _replaced(ids: Ids, slope: Tensor, table: Tensor, ranked: Tensor, weights: Tensor, tries: int) -> list[Ids]:
    """One word in place of another: those of largest gain to first order, and likely by the reader."""
    words = ranked[:WORDS]
    gain = slope @ table[words].T - (slope * table[torch.tensor(ids)]).sum(1, keepdim=True)
    value = gain / gain.std().clamp_min(1e-12) + 0.5 * weights[:WORDS]
    chosen = value.flatten().topk(min(tries, value.numel())).indices.tolist()
    places = [divmod(one, len(words)) for one in chosen]
    return [(*ids[:at], int(words[word]), *ids[at + 1 :]) for at, word in places]


def _rearranged(ids: Ids, ranked: Tensor, tries: int, longest: int, rng: np.random.Generator) -> list[Ids]:
    """A likely word more, a word less, a word elsewhere."""
    missing = [word for word in ranked[:MISSING].tolist() if word not in ids][: tries // 2 if len(ids) < longest else 0]
    spots = rng.integers(0, len(ids) + 1, len(missing)).tolist()
    longer = [(*ids[:at], word, *ids[at:]) for at, word in zip(spots, missing, strict=True)]
    shorter = [(*ids[:at], *ids[at + 1 :]) for at in range(len(ids))] if len(ids) > SHORTEST else []
    return [*longer, *shorter, *(_moved(ids, *rng.integers(0, len(ids), 2).tolist()) for _ in range(tries // 4))]


def _moved(ids: Ids, source: int, target: int) -> Ids:
    rest = [*ids[:source], *ids[source + 1 :]]
    return (*rest[:target], ids[source], *rest[target:])
