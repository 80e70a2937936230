"""Privacy mechanisms that the harness itself executes, with the ledger from which their law is known.

Gaussian mechanism: Dwork & Roth (2014), appendix A; Laplace mechanism: Dwork et al. (2006), section 3.
Both act on vectors of the last dimension: scale each to norm at most ``clip``, then add noise to every
coordinate. The ledger counts vectors, because one released vector is one use.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.defense import DPSGD
from harness.errors import DefenseError
from harness.schema import LedgerEntry

__all__ = ["Mechanisms", "clip_norm"]


def clip_norm(x: Tensor, bound: float | None, order: float = 2) -> Tensor:
    """``x`` with every vector of the last dimension scaled to ``order``-norm at most ``bound`` (None: unchanged)."""
    if bound is None:
        return x
    norm = torch.linalg.vector_norm(x, ord=order, dim=-1, keepdim=True)
    factor: Tensor = bound / norm.clamp_min(bound)
    return x * factor


class Mechanisms:
    """``self.me`` of a defense: its party's name, its generator, and mechanisms that write to the ledger."""

    def __init__(self, party: str, generator: torch.Generator) -> None:
        self.party = party
        self.generator = generator
        self._uses: dict[tuple[str, float | None, float, float | None], int] = {}

    def gaussian(self, x: Tensor, *, scale: float, clip: float | None) -> Tensor:
        """Clip to Euclidean norm ``clip``, then add N(0, ``scale``^2) to every coordinate."""
        self._note("gaussian", x, scale, clip)
        noise = torch.randn(x.shape, generator=self.generator)
        return clip_norm(x, clip) + scale * noise.to(x)

    def laplace(self, x: Tensor, *, scale: float, clip: float | None) -> Tensor:
        """Clip to L1 norm ``clip``, then add Laplace noise of scale ``scale`` to every coordinate."""
        self._note("laplace", x, scale, clip)
        uniform = torch.rand(x.shape, generator=self.generator, dtype=torch.float64) - 0.5
        noise = -uniform.sign() * torch.log1p(-2 * uniform.abs().clamp_max(0.5 - 1e-12))
        return clip_norm(x, clip, order=1) + scale * noise.to(x)

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """Everything executed so far, one entry per distinct (mechanism, clip, scale), in order of first use."""
        return tuple(
            LedgerEntry(mechanism=name, clip=clip, scale=scale, uses=uses, party=self.party, sample_rate=rate)
            for (name, clip, scale, rate), uses in self._uses.items()
        )

    def note_training(self, dp: DPSGD, rate: float, steps: int) -> None:
        """Enter a training that the harness made private; called by the harness."""
        self._add(("dpsgd", dp.clip, dp.noise_multiplier * dp.clip, rate), steps)

    def _note(self, name: str, x: Tensor, scale: float, clip: float | None) -> None:
        problems = [] if scale >= 0 else [f"scale must not be negative, got {scale}"]
        problems += [] if clip is None or clip > 0 else [f"clip must be positive or None, got {clip}"]
        if problems:
            raise DefenseError(f"me.{name}: " + "; ".join(problems))
        self._add((name, clip, float(scale), None), x[..., 0].numel())

    def _add(self, law: tuple[str, float | None, float, float | None], uses: int) -> None:
        self._uses[law] = self._uses.get(law, 0) + uses
