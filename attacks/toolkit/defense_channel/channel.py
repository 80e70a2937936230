"""Channel of a defense: the law of a message given the undefended state behind it.

An adaptive attacker knows the defense and may run it on data of its own. Whatever the submission is, its
effect on one state is summed up here as ``message = map(state) + offset[position] + noise``, possibly with
coordinates withheld (sent as zero); :func:`fit_channel` finds map and noise from (state, message) pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attacks.toolkit.defense_channel.maps import Clip, Identity, Map, Then
from attacks.toolkit.defense_channel.noise import Noise, declared_noise, fit_noise
from attacks.toolkit.defense_channel.selection import Fit, Rows, residual, score, select
from harness.attack import NoiseLaw, Observation

__all__ = ["Channel", "explained", "fit_channel", "open_channel"]

REPRODUCIBLE = 2e-4
"""Whitened distance (:meth:`Channel.distance`) within which two float32 evaluations of one state surely agree."""
STRAY = 30.0
"""Mean squared residual of a row, relative to the median one, from which on the row follows no law."""
ARITHMETIC = 4e-6
"""Their largest distance in practice: measured on a model of 135 million parameters at blocks 8 and 29."""


@dataclass(frozen=True)
class Channel:
    """The law of a message ``[e]`` given the plain state ``[d]`` and its position."""

    map: Map
    noise: Noise
    spread: Tensor
    """Standard deviation over texts of the message's mean, per coordinate ``[e]``: the whitening of distances."""
    tolerance: float
    """Distances (:meth:`distance`) of true states stay below this."""
    offsets: Tensor | None = None
    """Constant added at each position ``[P, e]``; zero beyond ``P``."""
    withheld: float = 0.0
    """Share of coordinates sent as zero; only the others are compared."""
    largest: bool = False
    """True where the coordinates that are sent are those of largest magnitude."""
    origin: str = "assumed"
    """``declared``, ``fitted`` or ``assumed``."""
    outliers: float = 0.0
    """Share of messages that follow no law at all; about such a message every state is taken to say the same."""

    @property
    def noisy(self) -> bool:
        """True where states of different tokens can be confused: the noise is above 3 % of the spread."""
        return self.tolerance > 0.15

    @property
    def exact(self) -> bool:
        """True where it says of every coordinate what is sent, within 2 % of the spread."""
        return self.tolerance < 0.02

    def expect(self, plain: Tensor, position: int | Tensor = 0) -> Tensor:
        """Mean message of ``plain [..., d]`` at ``position`` (a number or ``[...]``), as if nothing were withheld."""
        mean = self.map.expect(plain)
        return mean if self.offsets is None else mean + self._offset(position, mean)

    def residual(self, message: Tensor, plain: Tensor, position: int | Tensor = 0) -> tuple[Tensor, Tensor | None]:
        """``message [..., e]`` minus the means of ``plain [..., K, d]``, and which coordinates count (None: all)."""
        left = message - self._offset(position, message)
        sent = (message != 0).to(message.dtype).unsqueeze(-2) if self.withheld else None
        difference = left.unsqueeze(-2) - self.map.expect(plain)
        return (difference if sent is None else difference * sent), sent

    def log_density(self, message: Tensor, plain: Tensor, position: int | Tensor = 0) -> Tensor:
        """``log p(message | plain)``, ``[..., K]``: ``message [..., e]`` under alternatives ``plain [..., K, d]``.

        ``position`` is a number, or has the leading shape of ``message``.
        """
        difference, sent = self.residual(message, plain, position)
        return self._or_outlier(self.noise.log_density(difference, sent), message)

    def _or_outlier(self, density: Tensor, message: Tensor) -> Tensor:
        """Mixture of ``density [..., K]`` with the widest law that any message has: as large as it is, and no state's.

        Without it, garbage would decide for one state by a thousand standard deviations, and for all that follow.
        """
        if not self.outliers:
            return density
        count = (message != 0).sum(-1).clamp_min(1) if self.withheld else message.shape[-1]
        size = (message.square().sum(-1) / count).clamp_min(1e-30)
        wide = -0.5 * count * (1.0 + (2 * torch.pi * size).log())
        share = torch.tensor(self.outliers)
        return torch.logaddexp(density + (1 - share).log(), (wide + share.log()).unsqueeze(-1))

    def surprise(self, density: Tensor, message: Tensor) -> Tensor:
        """Standard deviations by which ``density [..., K]`` of ``message`` is below what its own law lets expect.

        Near 0 for the true state: over ``n`` coordinates, half the squared Gaussian residual has mean and variance
        ``n / 2``, the absolute Laplace residual mean and variance ``n`` (both in units of their scale).
        """
        sent = (message != 0).to(message.dtype) if self.withheld else torch.ones_like(message)
        count = sent.sum(-1, keepdim=True).clamp_min(1.0) * (0.5 if self.noise.kind == "gaussian" else 1.0)
        peak = self.noise.log_density(torch.zeros_like(message), sent)[..., None]
        return (peak - density - count) / count.sqrt()

    def screen(self, message: Tensor, table: Tensor, position: int | Tensor = 0) -> Tensor:
        """Log densities ``[n, V]`` of ``message [n, e]`` under each row of ``table [V, d]``, up to a constant each.

        In matrix products, hence fast for a whole vocabulary. Laplace noise is replaced by Gaussian noise of the same
        variance: right for ranking candidates, not for the final decision.
        """
        precision = 1.0 / self.noise.variance
        mean = self.map.expect(table)
        left = message - self._offset(position, message)
        if not self.withheld:
            return (left * precision) @ mean.T - (mean.square() @ precision) / 2
        sent = (message != 0).to(message.dtype)
        return (left * sent * precision) @ mean.T - (sent * precision) @ mean.square().T / 2

    def distance(self, message: Tensor, plain: Tensor, position: int | Tensor = 0) -> Tensor:
        """Root mean square of the residual in units of :attr:`spread`; shapes as in :meth:`log_density`."""
        difference, sent = self.residual(message, plain, position)
        squares = (difference / self.spread).square()
        return (squares.mean(-1) if sent is None else squares.sum(-1) / sent.sum(-1).clamp_min(1.0)).sqrt()

    def invert(self, message: Tensor, start: int = 0) -> Tensor:
        """Plain states ``[T, d]`` that explain ``message [T, e]`` at positions ``start ...`` if there were no noise."""
        position = torch.arange(start, start + len(message), device=message.device)
        return self.map.invert(message - self._offset(position, message))

    def imitate(self, plain: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Messages ``[..., e]`` as ``plain [..., d]`` would cause, without offsets; noise only if ``rng`` is given."""
        mean = self.map.expect(plain)
        message = mean if rng is None else mean + self.noise.sample(mean, rng)
        if not self.withheld:
            return message
        keep = max(1, round((1 - self.withheld) * message.shape[-1]))
        order = (
            message.abs()
            if self.largest or rng is None
            else torch.rand(message.shape, generator=rng, device=message.device)
        )
        return message * (order >= order.topk(keep, dim=-1).values[..., -1:])

    def centre(self, message: Tensor, start: int = 0) -> Tensor:
        """``message [T, e]`` without the positions' constants."""
        return message - self._offset(torch.arange(start, start + len(message), device=message.device), message)

    def describe(self) -> str:
        """One line for reports."""
        parts = [_name(self.map)]
        parts += ["per-position constants"] if self.offsets is not None else []
        parts += [f"{self.withheld:.0%} of coordinates withheld"] if self.withheld else []
        level = float((self.noise.variance.sqrt() / self.spread).median())
        parts.append(f"{self.noise.kind} noise of {level:.2g} times the spread")
        return f"{self.origin}: " + ", ".join(parts)

    def _offset(self, position: int | Tensor, like: Tensor) -> Tensor:
        if self.offsets is None:
            return torch.zeros((), dtype=like.dtype, device=like.device)
        index = torch.as_tensor(position, device=like.device)
        known = (index < len(self.offsets)).unsqueeze(-1)
        return self.offsets[index.clamp_max(len(self.offsets) - 1)] * known


def open_channel(spread: Tensor) -> Channel:
    """No defense at all: the message is the state. ``spread [d]`` as in :class:`Channel`."""
    spread = _positive(spread)
    return Channel(Identity(), Noise("gaussian", spread * REPRODUCIBLE), spread, REPRODUCIBLE)


def fit_channel(
    pairs: Sequence[Observation], laws: Sequence[NoiseLaw] = (), *, skip: int = 0, pooled: bool = False
) -> Channel:
    """The channel that explains ``pairs`` (observations with ``plain``), chosen by held-out residual.

    Declared ``laws`` are taken as they stand where the pairs agree with them; where something else was done as
    well, their clipping is kept and the rest is fitted. ``skip`` leaves out the first positions of each pair
    (the public prefix). ``pooled`` pairs hold one vector each.

    Raises:
        ValueError: there are fewer than 2 usable rows, or a pair has no ``plain``.
    """
    rows = Rows.of(pairs, 0 if pooled else skip)
    clips: Map = Identity()
    for law in laws:
        if law.clip is not None:
            clips = Then(clips, Clip(law.clip, 1.0, 1 if law.name == "laplace" else 2))
    noise = declared_noise(laws, rows.message.shape[1])
    if laws and _agrees(rows, clips, noise):
        return _channel(Fit(clips, None), rows, rows, noise)
    fit = select(rows.where(~(wild := rows.wild())), clips)
    inliers = rows.where(~(wild | _strays(fit, rows)))
    if len(inliers.plain) < len(rows.plain) and bool(inliers.held.any()) and not bool(inliers.held.all()):
        fit = select(inliers, clips)
    share = 1.0 - len(inliers.plain) / len(rows.plain)
    return replace(_channel(fit.refitted(inliers), inliers, inliers.held_out(), None, fit), outliers=share)


def _strays(fit: Fit, rows: Rows) -> Tensor:
    """Rows ``[n]`` whose residual is beyond anything that the other rows' noise can do; at most one in five.

    Mean squares over hundreds of coordinates vary by a few percent under any noise with independent coordinates; a
    row with :data:`STRAY` times the usual one follows another law.
    """
    left, sent = residual(fit, rows)
    size = left.square().sum(1) / sent.sum(1).clamp_min(1.0)
    floor = (fit.map.expect(rows.plain).std(0) * 0.05).square().mean()
    far = size > STRAY * torch.maximum(size.median(), floor)
    return far if float(far.float().mean()) <= 0.2 else torch.zeros_like(far)


def explained(channel: Channel, pairs: Sequence[Observation], *, skip: int = 0, pooled: bool = False) -> float:
    """Median squared residual of ``pairs`` under ``channel``, relative to that of their mean message."""
    rows = Rows.of(pairs, 0 if pooled else skip)
    return score(Fit(channel.map, channel.offsets), rows)


def _agrees(rows: Rows, clips: Map, noise: Noise | None) -> bool:
    """Check that residuals under the declared laws have the declared variance (within 10 %, or 1e-3 of the spread)."""
    if rows.plain.shape[1] != rows.message.shape[1]:
        return False
    variance = (rows.message - clips.expect(rows.plain)).square().mean()
    expected = noise.variance.mean() if noise else torch.zeros(())
    slack = (1e-3 * clips.expect(rows.plain).std(0)).square().mean()
    return bool((variance - expected).abs() <= 0.1 * expected + slack)


def _channel(fit: Fit, rows: Rows, tested: Rows, noise: Noise | None, trial: Fit | None = None) -> Channel:
    """Assemble. Noise (unless declared) and tolerance come from the residuals of ``trial`` on the ``tested`` rows.

    The tolerance is twice the largest distance of a true state, 1 in 200 left out.
    """
    spread = _positive(fit.map.expect(rows.plain).std(0))
    left, sent = residual(trial or fit, tested)
    far = ((left / spread).square() * sent).sum(1) / sent.sum(1).clamp_min(1.0)
    tolerance = max(REPRODUCIBLE, 2.0 * float(far.sqrt().quantile(0.995)), _unsteadiness(fit.map, rows.plain, spread))
    withheld = 1.0 - float(rows.kept.mean())
    origin = "fitted" if trial else "declared"
    floor = spread * REPRODUCIBLE
    noise = noise or (fit_noise(left, sent, floor) if trial else Noise("gaussian", floor))
    return Channel(fit.map, noise, spread, tolerance, fit.offsets, withheld, rows.keeps_largest(), origin)


def _unsteadiness(fitted: Map, plain: Tensor, spread: Tensor) -> float:
    """Twice the largest distance that float32 arithmetic on ``plain`` can cause behind ``found``."""
    signs = 1.0 - 2.0 * (torch.arange(plain.shape[1], device=plain.device) % 2)
    moved = fitted.expect(plain + ARITHMETIC * plain.std(0) * signs) - fitted.expect(plain)
    return 2.0 * float((moved / spread).square().mean(1).sqrt().max())


def _positive(spread: Tensor) -> Tensor:
    return spread.clamp_min(max(1e-12, 1e-4 * float(spread.max())))


def _name(fitted: Map) -> str:
    if not isinstance(fitted, Then):
        return fitted.name
    names = [_name(fitted.first), _name(fitted.second)]
    return " then ".join(name for name in names if name != "identity") or "identity"
