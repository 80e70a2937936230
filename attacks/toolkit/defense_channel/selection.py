"""Choice of the map that explains (plain, message) rows: each is fitted on four fifths and judged on the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attacks.toolkit.defense_channel import fits
from attacks.toolkit.defense_channel.maps import Clip, Map, Rounding, Then
from attacks.toolkit.ridge import fit_ridge
from harness.attack import Observation

__all__ = ["Fit", "Rows", "residual", "score", "select"]

SOLVED = 1e-9
"""Relative squared residual below which nothing better is looked for (float32 arithmetic reaches 1e-12)."""
BETTER = 0.97
"""A more complex map must bring the residual below this share of the simpler one's."""

Fitter = Callable[["Rows"], "Map | None"]


@dataclass(frozen=True)
class Rows:
    """Matched rows: ``plain [n, d]``, ``message [n, e]``, ``position [n]``, and which are ``held`` out ``[n]``."""

    plain: Tensor
    message: Tensor
    position: Tensor
    held: Tensor
    kept: Tensor
    """1 where a coordinate was sent, ``[n, e]``; all 1 unless zeros were put in."""

    @staticmethod
    def of(pairs: Sequence[Observation], skip: int) -> Rows:
        """Rows of the pairs from position ``skip`` on; every fifth pair is held out (row, if there are few pairs)."""
        if any(pair.plain is None for pair in pairs):
            raise ValueError("a pair has no plain states: compute them from the public weights first")
        plain = [pair.plain.reshape(-1, pair.plain.shape[-1])[skip:] for pair in pairs if pair.plain is not None]
        message = [pair.states.reshape(-1, pair.states.shape[-1])[skip:] for pair in pairs]
        position = [torch.arange(skip, skip + len(part), device=part.device) for part in message]
        owner = [torch.full_like(part, number) for number, part in enumerate(position)]
        x, m = (torch.cat(part).float() if part else torch.zeros(0, 0) for part in (plain, message))
        if len(m) < 2 or len(x) != len(m):
            raise ValueError(f"a channel needs at least 2 matched rows, got {len(x)} states and {len(m)} messages")
        number = torch.cat(owner) if len(pairs) >= 10 else torch.arange(len(m), device=m.device)
        return Rows(x, m, torch.cat(position), number % 5 == min(4, len(m) - 1), _sent(x, m))

    def where(self, chosen: Tensor) -> Rows:
        """The rows that ``chosen [n]`` marks."""
        fields = (self.plain, self.message, self.position, self.held, self.kept)
        return Rows(*(field[chosen] for field in fields))

    def held_out(self) -> Rows:
        """Rows on which fits are judged."""
        return self.where(self.held)

    def training(self) -> Rows:
        """Rows on which maps are fitted."""
        return self.where(~self.held)

    def wild(self) -> Tensor:
        """Rows ``[n]`` whose message is longer, for its state, than nine in ten others by a factor of ten: garbage that
        would decide every least-squares fit alone."""
        ratio = self.message.norm(dim=1) / self.plain.norm(dim=1).clamp_min(1e-30)
        return torch.gt(ratio, 10 * ratio.quantile(0.9))

    def keeps_largest(self) -> bool:
        """Tell whether the coordinates sent are larger in the plain state than those withheld."""
        sent, rest = self.kept.sum(), (1 - self.kept).sum()
        if rest == 0 or self.plain.shape != self.message.shape:
            return False
        size = self.plain.abs()
        return bool((size * self.kept).sum() / sent > 1.5 * (size * (1 - self.kept)).sum() / rest)


@dataclass(frozen=True)
class Fit:
    """A map with optional constants per position, and how it was fitted (None: nothing to fit)."""

    map: Map
    offsets: Tensor | None
    fitter: Fitter | None = None

    def refitted(self, rows: Rows) -> Fit:
        """A map of this kind, fitted on all ``rows``."""
        fitted = self.fitter(_flat(rows) if self.offsets is not None else rows) if self.fitter else self.map
        fitted = fitted or self.map
        return replace(self, map=fitted, offsets=None if self.offsets is None else _offsets(fitted, rows))


def residual(fit: Fit, rows: Rows) -> tuple[Tensor, Tensor]:
    """``message - mean [n, e]``, zero where withheld, and the mask ``rows.kept``."""
    mean = fit.map.expect(rows.plain)
    if fit.offsets is not None:
        mean = mean + fit.offsets[rows.position.clamp_max(len(fit.offsets) - 1)]
    return (rows.message - mean) * rows.kept, rows.kept


def select(rows: Rows, clips: Map) -> Fit:
    """The simplest map whose held-out residual is not beaten by 3 %; ``clips`` (declared) comes before it."""
    square = rows.plain.shape[1] == rows.message.shape[1]
    best: tuple[float, Fit] | None = None
    if square:
        best = _best(_same_axes(clips, bool((rows.kept < 1).any())), False, rows, None)
    if best is None or _linear_rest(best[1], rows):
        best = _best(_mixing(clips, rows, square), False, rows, best)
    if best is None or _moves_with_position(best[1], rows):
        fitters = [*(_same_axes(clips, True) if square else []), *_mixing(clips, rows, square)]
        best = _best(fitters, True, rows, best)
    if best is None:
        raise ValueError("no map could be fitted to the pairs")
    return best[1]


def _best(
    fitters: Sequence[Fitter], shifted: bool, rows: Rows, best: tuple[float, Fit] | None
) -> tuple[float, Fit] | None:
    """The better of ``best`` (score, fit) and what ``fitters`` (simple to complex) find."""
    for fitter in fitters:
        if best and best[0] < SOLVED:
            break
        fit = _try(fitter, shifted, rows.training())
        error = score(fit, rows.held_out()) if fit else float("inf")
        if fit and (best is None or error < BETTER * best[0]):
            best = (error, fit)
    return best


def _same_axes(clips: Map, linear: bool) -> list[Fitter]:
    """Maps that leave every coordinate in its place; ``linear``: without clipping and rounding."""

    def clipped(rows: Rows) -> Map | None:
        fitted = fits.fit_clip(clips.expect(rows.plain), rows.message)
        return None if fitted is None else Then(clips, fitted)

    def scaled(rows: Rows) -> Map:
        return Then(clips, fits.fit_scaling(clips.expect(rows.plain), rows.message, rows.kept))

    simple: list[Fitter] = [lambda rows: clips, scaled]
    return simple if linear else [*simple, clipped, _rounded(clips, 127), _rounded(clips, 7)]


def _rounded(clips: Map, levels: int) -> Fitter:
    return lambda rows: Then(clips, Rounding(levels))


def _mixing(clips: Map, rows: Rows, square: bool) -> list[Fitter]:
    """Maps that mix coordinates, after ``clips`` or a clipping that shows in the norms of ``rows``."""
    befores = [clips, *_clip_by_norms(rows)]
    if not square:
        return [_affine(before) for before in befores]
    return [fitter for before in befores for fitter in (_permuted(before), _turned(before), _affine(before))]


def _permuted(before: Map) -> Fitter:
    def fitter(rows: Rows) -> Map | None:
        fitted = fits.fit_permutation(before.expect(rows.plain), rows.message)
        return None if fitted is None else Then(before, fitted)

    return fitter


def _turned(before: Map) -> Fitter:
    return lambda rows: Then(before, fits.fit_similarity(before.expect(rows.plain), rows.message))


def _affine(before: Map) -> Fitter:
    """Ridge whose penalty is chosen on every second row."""

    def fitter(rows: Rows) -> Map:
        x, m = before.expect(rows.plain), rows.message
        options = {penalty: fit_ridge(x[::2], m[::2], penalty) for penalty in (1e-3, 1.0, 100.0)}
        losses = {penalty: float((m[1::2] - found(x[1::2])).square().mean()) for penalty, found in options.items()}
        return Then(before, fits.fit_affine(x, m, min(losses, key=losses.__getitem__)))

    return fitter


def _clip_by_norms(rows: Rows) -> list[Map]:
    """Clipping that shows in the messages' norms alone: many share the largest one (a rotation keeps norms)."""
    size, plain = rows.message.norm(dim=1), rows.plain.norm(dim=1)
    top = size >= 0.999 * size.max()
    if float(top.float().mean()) < 0.05 or not bool((plain[top] >= 0.999 * size.max()).all()):
        return []
    limit = float(size.max())
    return [Clip(limit, float((plain[top] / limit).mean()))]


def _try(fitter: Fitter, shifted: bool, rows: Rows) -> Fit | None:
    fitted = fitter(_flat(rows) if shifted else rows)
    return None if fitted is None else Fit(fitted, _offsets(fitted, rows) if shifted else None, fitter)


def score(fit: Fit, rows: Rows) -> float:
    """Median squared residual of a row, relative to that of the mean message."""
    left, sent = residual(fit, rows)
    around = (rows.message - rows.message.mean(0)) * sent
    return float(left.square().sum(1).median() / around.square().sum(1).median().clamp_min(1e-30))


def _position_means(values: Tensor, rows: Rows) -> Tensor:
    """Mean of ``values [n, e]`` at each position, ``[P, e]``; the overall mean where a position has no row."""
    total = int(rows.position.max()) + 1
    sums = torch.zeros(total, values.shape[1], device=values.device).index_add_(0, rows.position, values)
    count = torch.bincount(rows.position, minlength=total).unsqueeze(1)
    return torch.where(count > 0, sums / count.clamp_min(1), values.mean(0))


def _offsets(fitted: Map, rows: Rows) -> Tensor:
    return _position_means(rows.message - fitted.expect(rows.plain), rows)


def _flat(rows: Rows) -> Rows:
    """Rows with the positions' means moved to the overall mean: constants per position cancel."""
    x = rows.plain - _position_means(rows.plain, rows)[rows.position] + rows.plain.mean(0)
    m = rows.message - _position_means(rows.message, rows)[rows.position] + rows.message.mean(0)
    return replace(rows, plain=x, message=m)


def _linear_rest(fit: Fit, rows: Rows) -> bool:
    """Tell whether the residual still depends linearly on the state.

    With ``X`` standardised and a residual ``R`` independent of it, ``|X'R|^2`` is about ``d |R|^2``.
    """
    left, sent = residual(fit, rows)
    if bool((sent < 1).any()):
        return False
    x = rows.plain - rows.plain.mean(0)
    x = x / x.std(0).clamp_min(1e-30)
    left = left - left.mean(0)
    return float((x.T @ left).square().sum()) > 1.25 * x.shape[1] * float(left.square().sum())


def _moves_with_position(fit: Fit, rows: Rows) -> bool:
    """Tell whether positions explain clearly more of the residual's variance than chance would."""
    left, _ = residual(fit, rows)
    around = (left - left.mean(0)).square().sum()
    within = (left - _position_means(left, rows)[rows.position]).square().sum()
    chance = (len(set(rows.position.tolist())) - 1) / max(1, len(left) - 1)
    return float(1 - within / around.clamp_min(1e-30)) > 1.5 * chance + 0.02


def _sent(x: Tensor, m: Tensor) -> Tensor:
    """1 where the message has a coordinate, ``[n, e]``; all 1 unless more than 2 % of zeros were put in."""
    if x.shape != m.shape:
        return torch.ones_like(m)
    zero = (m == 0) & (x != 0)
    return (~zero).float() if float(zero.float().mean()) > 0.02 and not _on_lattice(m) else torch.ones_like(m)


def _on_lattice(m: Tensor) -> bool:
    """Tell whether most messages are multiples of their smallest coordinate: rounding sends zeros as well.

    Of the coordinates that were sent, that is: withheld ones are on every lattice.
    """
    size = m.abs()
    sent = size > 0
    step = size.masked_fill(~sent, torch.inf).amin(1, keepdim=True)
    ratio = size / step
    off = ((ratio - ratio.round()).abs() > 0.01 * ratio.clamp(1, 20)) & sent
    share = off.sum(1) / sent.sum(1).clamp_min(1)
    return float((share < 0.05).float().mean()) > 0.5
