"""Relaxed optimisation: search for input embeddings whose public states are the messages, then for tokens."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from attacks.embedding_inversion.relaxed_optimisation.search import Problem, Search, candidates, descend, refine
from attacks.embedding_inversion.relaxed_optimisation.start import Start, pooled_start, token_start
from attacks.toolkit.defense_channel.live import live_channel
from attacks.toolkit.readers.hidden_states import (
    allowed_tokens,
    auxiliary_sequences,
    forward_part,
    private_slice,
    resized,
)
from attacks.toolkit.rewriting import originals
from harness.attack import Attack, SplitFacts

if TYPE_CHECKING:
    from attacks.toolkit.defense_channel.channel import Channel
    from harness.attack import Facts, Guess, Observation, View

__all__ = ["RelaxedOptimisation"]


class RelaxedOptimisation(Attack):
    """Adam on the private positions' embeddings, so that the public part's output matches the messages.

    For encoders (whose states depend on both sides) and pooled outputs; works for causal models too. The
    continuous optimum is rounded per position, then refined one position at a time: the tokens nearest
    to the optimum and to the ridge estimate are tried through the real part until nothing improves. Of several
    restarts the best match is kept. The adaptive variant matches the *expected* defended output (expectation
    over the defense's randomness: Athalye et al. 2018) under the noise's likelihood.
    """

    name: ClassVar[str] = "relaxed_optimisation"
    summary: ClassVar[str] = "optimise embeddings to match the messages, then discretise through the model"
    source: ClassVar[str] = (
        "Song and Raghunathan 2020, section 4 (white-box inversion); Qiu et al. 2025 (prompt inversion)"
    )
    needs: ClassVar[tuple[type[Facts], ...]] = (SplitFacts,)

    def __init__(
        self,
        *,
        steps: int = 60,
        rate: float = 0.02,
        restarts: int = 1,
        penalty: float = 0.1,
        tokens: int = 24,
        sweeps: int = 4,
        batch: int = 32,
        texts: int = 400,
        probes: int = 400,
        simulated: int = 64,
    ) -> None:
        self.search = Search(steps, rate, penalty, tokens, sweeps)
        self.restarts = restarts
        self.batch = batch
        self.texts = texts
        self.probes = probes
        self.simulated = simulated

    def guess(self, view: View) -> Guess:
        """Token ids of every record."""
        channel = live_channel(view, self.simulated) if view.adaptive else None
        reader = (pooled_start if view.sessions.facts.pooled else token_start)(view, channel, self.texts, self.probes)
        guesses: dict[str, list[int]] = {}
        for length, group in _by_length(view).items():
            for rows in (group[at : at + self.batch] for at in range(0, len(group), self.batch)):
                problem = _problem(view, channel, reader.spread, rows)
                ids = self._solve(problem, reader, length, view)
                guesses |= {one.record: tokens for one, tokens in zip(rows, ids.tolist(), strict=True)}
        return originals(view, {one.record: guesses[one.record] for one in view.sessions.observations()})

    def _solve(self, problem: Problem, reader: Start, length: int, view: View) -> Tensor:
        """Tokens ``[B, T]``: the ridge estimate where it explains the messages, else the best of the restarts."""
        allowed = allowed_tokens(view.sessions.facts, len(problem.table)).to(problem.table.device)
        start, likely = reader.read(problem, length)
        ids = candidates(start, problem.table, allowed, 1).squeeze(-1)
        best = problem.judge(ids)
        for restart in range(self.restarts):
            rest = best > problem.enough
            if not bool(rest.any()):
                break
            origin = _jittered(start[rest], problem.table, restart, view)
            tried, mismatch = self._once(problem.rows(rest), origin, start[rest], likely[rest], allowed)
            ids[rest] = torch.where((mismatch < best[rest])[:, None], tried, ids[rest])
            best[rest] = torch.minimum(mismatch, best[rest])
        return ids

    def _once(
        self, problem: Problem, origin: Tensor, start: Tensor, likely: Tensor, allowed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One descent and its refinement; tokens ``[B, T]`` and their mismatch ``[B]``."""
        descended = descend(problem, origin, self.search)
        half = max(self.search.tokens // 2, 1)
        options = [candidates(one, problem.table, allowed, half) for one in (descended, start)]
        options.append(likely[:, None].expand(-1, start.shape[1], -1))
        return refine(problem, options[0][..., 0], torch.cat(options, -1), self.search.sweeps)


def _problem(view: View, channel: Channel | None, spread: Tensor, rows: Sequence[Observation]) -> Problem:
    split, part = view.sessions.facts, forward_part(view)
    first = len(split.prefix) if part.causal and not split.pooled else 0
    if split.pooled:
        messages = torch.stack([one.states[None] for one in rows])
    else:
        messages = torch.stack([one.states[first : private_slice(split, one).stop + len(split.suffix)] for one in rows])
    messages = messages if channel is not None else resized(messages, len(spread))
    table = view.sessions.part(0, 0).embed_table.detach()
    return Problem(part, table, split.prefix, split.suffix, messages, spread, split.pooled, first, channel)


def _jittered(start: Tensor, table: Tensor, restart: int, view: View) -> Tensor:
    """Start of a descent: the estimate, and from the second restart on random embeddings around it."""
    noise = torch.randn(start.shape, generator=view.rng, device=view.rng.device).to(start.device)
    return start + noise * table.std(0) * (1.0 if restart else 0.1 if view.sessions.facts.pooled else 0.0)


def _by_length(view: View) -> dict[int, list[Observation]]:
    """Observations by the length of their private text; of a pooled message it is known only if it was announced.

    Where it was not, the median length of auxiliary texts is assumed.
    """
    split = view.sessions.facts
    groups: dict[int, list[Observation]] = {}
    usual = int(median(len(one) for one in auxiliary_sequences(view, 200)) if split.pooled else 0)
    around = len(split.prefix) + len(split.suffix)
    for observation in view.sessions.observations():
        announced = max(observation.prompt_length - around, 0) if observation.prompt_length else usual
        where = private_slice(split, observation)
        groups.setdefault(announced if split.pooled else where.stop - where.start, []).append(observation)
    return groups
