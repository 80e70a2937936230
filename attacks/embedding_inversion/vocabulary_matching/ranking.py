"""Rankings of the whole vocabulary by what was sent, fitted on messages that the defense made of the attacker's texts.

Linear discriminants over several readings of a message: as it is, by its direction alone (whatever factor each row was
given), and by what changed since the row before (where rows are summed up). Which one reads best is asked of texts
that were kept aside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attacks.toolkit.ridge import fit_ridge

if TYPE_CHECKING:
    from harness.attack import SplitFacts

__all__ = ["Ranking", "fit_rankings"]

USEFUL = 0.05
"""Share of held-out tokens that a second ranking must find where the first does not."""

GOOD = 0.97
"""Share of held-out tokens among a ranking's first eight at which no other is looked for."""
MOST_HELD = 12
"""Held-out sequences, at most."""

Reading = Callable[[Tensor], Tensor]


def _as_sent(message: Tensor) -> Tensor:
    return message


def _direction(message: Tensor) -> Tensor:
    length = message.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return torch.mul(message, message.shape[1] ** 0.5 / length)


def _change(message: Tensor) -> Tensor:
    return torch.cat([message[:1], torch.diff(message, dim=0)])


READINGS: tuple[Reading, ...] = (_as_sent, _direction, _change)


@dataclass(frozen=True)
class Ranking:
    """A linear discriminant with one class per token, on one reading of messages."""

    reading: Reading
    whiten: Tensor
    whitened: Tensor
    half: Tensor

    @torch.no_grad()
    def scores(self, message: Tensor, row: int | slice) -> Tensor:
        """Log densities up to a constant of rows of ``message [T, e]`` under every token: ``[V]``, or ``[n, V]``."""
        read = self.reading(message)[row] @ self.whiten
        scores: Tensor = read @ self.whitened.T - self.half
        return scores


def fit_rankings(
    sent: Sequence[Tensor],
    sequences: Sequence[Sequence[int]],
    split: SplitFacts,
    table: Tensor,
    every: int,
    usual: Callable[[], Tensor | None],
) -> tuple[Ranking, ...]:
    """The reading that ranks held-out tokens best, and a second one where that finds what the first does not.

    ``sent [T_i, e]`` are whole messages of ``sequences``, of which one in ``every`` is held out. ``usual`` makes
    mean messages ``[V, e]`` of all tokens otherwise than by a linear map of their embeddings, if it can. Readings are
    tried in turn until one is :data:`GOOD`.
    """
    start = len(split.prefix)
    own = [slice(start, start + len(one)) for one in sequences]
    held = [i for i in range(len(sent)) if i % every == every - 1][:MOST_HELD] or [0]
    fitted = [i for i in range(len(sent)) if i not in set(held)] or held
    ids = {tuple(some): torch.tensor([t for i in some for t in sequences[i]]) for some in (fitted, held)}
    ranked: list[tuple[Ranking, Tensor]] = []
    for reading, linear in [*((reading, True) for reading in READINGS), (_as_sent, False)]:
        if ranked and float(ranked[-1][1].float().mean()) >= GOOD:
            break
        known = None if linear else usual()
        if not linear and known is None:
            break
        rows = torch.cat([reading(sent[i])[own[i]] for i in fitted])
        ranking = _fit(reading, rows, ids[tuple(fitted)], table, known)
        scores = torch.cat([ranking.scores(sent[i], own[i]) for i in held])
        true = scores.gather(1, ids[tuple(held)][:, None])
        ranked.append((ranking, (scores > true).sum(1) < 8))
    best = max(range(len(ranked)), key=lambda i: float(ranked[i][1].float().mean()))
    first, hits = ranked[best]
    more = [(float((other & ~hits).float().mean()), ranking) for ranking, other in ranked if ranking is not first]
    gain, second = max(more, key=lambda pair: pair[0], default=(0.0, first))
    return (first, second) if gain > USEFUL else (first,)


def _fit(reading: Reading, rows: Tensor, ids: Tensor, table: Tensor, known: Tensor | None) -> Ranking:
    means = fit_ridge(table[ids], rows)(table) if known is None else known
    rest = (rows - means[ids]).double()
    rest = rest - rest.mean(0)
    covariance = rest.T @ rest / max(len(rest) - table.shape[1], (len(rest) + 3) // 4)
    diagonal = covariance.diagonal()
    # Coordinates that are hardly ever sent have next to no variance: they must not count beyond what is usual.
    covariance = covariance + torch.diag(1e-4 * diagonal + 1e-6 * diagonal.mean() + 1e-12)
    variances, axes = torch.linalg.eigh(covariance)
    whiten = (axes * variances.clamp_min(1e-6 * float(variances.mean()) + 1e-12).rsqrt()).to(table.dtype)
    whitened = means @ whiten
    return Ranking(reading, whiten, whitened, whitened.square().sum(1) / 2)
