"""Privacy mechanisms that the harness itself executes, with the ledger from which their law is known.

Gaussian mechanism: Dwork & Roth (2014), appendix A; Laplace mechanism: Dwork et al. (2006), section 3.
Both act on vectors of the last dimension: scale each to norm at most ``clip``, then add noise to every
coordinate. The ledger counts vectors, because one released vector is one use.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from harness.dp.releases import Release, Releases, rounded
from harness.dp.sensitivity import Ratios, ratios
from harness.errors import DefenseError
from harness.store.schema import LedgerEntry
from harness.util.seeds import derive
from harness.wire.message import Message

__all__ = ["Mechanisms", "clip_norm"]

Scale = float | Tensor


@dataclass(frozen=True)
class DPSGD:
    """Differentially private training (Abadi et al., 2016, algorithm 1), executed by the harness.

    Every record enters a step with probability ``sample_rate`` (Poisson sampling; None: the batch size that the
    scenario asks for over the number of records), its gradient is scaled to norm at most ``clip``, and noise of
    standard deviation ``noise_multiplier * clip`` is added to the sum.
    """

    clip: float
    noise_multiplier: float
    sample_rate: float | None = None


def clip_norm(x: Tensor, bound: float | None, order: float = 2) -> Tensor:
    """``x`` with every vector of the last dimension scaled to ``order``-norm at most ``bound`` (None: unchanged)."""
    if bound is None:
        return x
    norm = torch.linalg.vector_norm(x, ord=order, dim=-1, keepdim=True)
    factor: Tensor = bound / norm.clamp_min(bound)
    return x * factor


class Mechanisms:
    """``self.me`` of a defense: its party's name, its generator, and mechanisms that write to the ledger.

    Give a mechanism a field of the message as it is, ``self.me.gaussian(message["means"], ...)``, and send what it
    returns, or what :meth:`clamp` or :meth:`quantise` makes of it: the harness then knows what was released, and the
    scenario's word for its sensitivity counts.
    """

    def __init__(self, party: str, generator: torch.Generator) -> None:
        self.party = party
        self.generator = generator
        """For the defense's own draws."""
        # Of its own: noise must not repeat where a defense seeds the generator it is given.
        self.noise = torch.Generator().manual_seed(_seed_of_noise(generator))
        """Drawn from by the harness's mechanisms alone."""
        self._releases = Releases()

    def reseed(self, seed: int) -> None:
        """Begin both generators anew; called by the harness."""
        self.generator.manual_seed(seed)
        self.noise.manual_seed(_seed_of_noise(self.generator))

    def gaussian(self, x: Tensor, *, scale: Scale, clip: float | None) -> Tensor:
        """Clip to Euclidean norm ``clip``, then add N(0, ``scale``^2) to every coordinate; ``scale`` is a number or one
        per row, [..., 1].
        """
        field = self._note("gaussian", x, scale, clip, 2)
        noise = torch.randn(x.shape, generator=self.noise)
        return self._releases.keep(field, clip_norm(x, clip) + scale * noise.to(x))

    def laplace(self, x: Tensor, *, scale: Scale, clip: float | None) -> Tensor:
        """Clip to L1 norm ``clip``, then add Laplace noise of scale ``scale`` to every coordinate."""
        field = self._note("laplace", x, scale, clip, 1)
        uniform = torch.rand(x.shape, generator=self.noise, dtype=torch.float64) - 0.5
        noise = -uniform.sign() * torch.log1p(-2 * uniform.abs().clamp_max(0.5 - 1e-12))
        return self._releases.keep(field, clip_norm(x, clip, order=1) + scale * noise.to(x))

    def constant(self, x: Tensor, value: float = 0.0) -> Tensor:
        """A tensor like ``x`` that holds ``value`` everywhere: what says nothing about the data but its shape."""
        field, _ = self._releases.field_of(x)
        law = Release("constant", kind=self._releases.kind, field=field, ratios=Ratios(0.0, 0.0, 0.0))
        self._releases.note(law, 1, x.numel() // max(1, x.shape[-1] if x.dim() else 1))
        return self._releases.keep(field, torch.full_like(x, value))

    def clamp(self, x: Tensor, low: float | None = None, high: float | None = None) -> Tensor:
        """Coordinates held between ``low`` and ``high``: of what a mechanism returned, it costs no privacy."""
        return self._releases.derive(x, x.clamp(low, high))

    def quantise(self, x: Tensor, step: float) -> Tensor:
        """Coordinates rounded to multiples of ``step``: of what a mechanism returned, it costs no privacy."""
        if not step > 0:
            raise DefenseError(f"me.quantise: step must be positive, got {step}")
        return self._releases.derive(x, torch.round(x / step) * step)

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Everything executed so far, one entry per distinct law, in order of first use; beside them, the fields that
        left without a mechanism.
        """
        return self._releases.ledger(self.party)

    def begin(self, message: Message) -> None:
        """A message enters the defense; called by the link."""
        self._releases.begin(message)

    def end(self, sent: Message) -> None:
        """The message has left it; called by the link."""
        self._releases.end(sent)

    def note_training(self, dp: DPSGD, rate: float, steps: int) -> None:
        """Enter a training that the harness made private; called by the harness."""
        law = Release("dpsgd", dp.clip, dp.noise_multiplier * dp.clip, rate)
        self._releases.note(law, steps, 0)

    def note_plain_training(self) -> None:
        """A training on private records that no mechanism made private; called by the harness."""
        self._releases.trained_plainly = True

    def _note(self, name: str, x: Tensor, scale: Scale, clip: float | None, order: int) -> str:
        """Enter a use of the mechanism; returns the field of the message that it was used on, or nothing."""
        lowest, highest = (float(scale.min()), float(scale.max())) if isinstance(scale, Tensor) else (scale, scale)
        problems = [] if lowest >= 0 else [f"scale must not be negative, got {lowest}"]
        problems += [] if clip is None or clip > 0 else [f"clip must be positive or None, got {clip}"]
        if problems:
            raise DefenseError(f"me.{name}: " + "; ".join(problems))
        field, bound = self._releases.field_of(x)
        row_ratios = rounded(ratios(x, scale, clip, bound, order))
        mechanism = name if lowest == highest else f"{name}_rows"
        law = Release(mechanism, clip, float(lowest), kind=self._releases.kind, field=field, ratios=row_ratios)
        self._releases.note(law, 1, x[..., 0].numel())
        return field


def _seed_of_noise(generator: torch.Generator) -> int:
    return derive("mechanisms", str(generator.initial_seed()))
