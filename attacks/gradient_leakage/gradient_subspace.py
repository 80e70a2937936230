"""Texts of a batch from gradients that are noisy, rounded or thinned out: likelihood ratios instead of thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from attacks.gradient_leakage.architecture import ATTENTION, input_rows, output_rows
from attacks.gradient_leakage.certificate import certify
from attacks.gradient_leakage.context import ContextTree, input_vectors
from attacks.gradient_leakage.subspace import Subspace
from attacks.toolkit.readers.gradients import (
    SharedGradient,
    gradient_facts,
    learner_at,
    public_model,
    public_tokens,
    shared_gradients,
    whole_ids,
)
from attacks.toolkit.view import numpy_rng
from harness.attack import Attack, GradientFacts, Kind, Message, PopulationFacts, padded

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Learner, Part, Public, Score, View

__all__ = ["GradientSubspace", "Ratio", "fitted", "signal_space"]

CHUNK = 8192
LEAST = 1e-9
"""Distances below are rounding errors."""


class GradientSubspace(Attack):
    """Signal spaces of the first attention by singular values above the edge of noise (Gavish and Donoho 2014); for
    each token and each continuation a log-likelihood ratio of its distance, batch against chance, fitted on ``batches``
    of auxiliary texts whose gradients went through the defense; a beam of ``width`` prefixes for each text.

    After the continuous attack of TIGER (arXiv 2606.18312), in discrete form.
    """

    name: ClassVar[str] = "gradient_subspace"
    summary: ClassVar[str] = "batches of texts from noisy gradients by likelihood ratios of distances"
    source: ClassVar[str] = "after TIGER, arXiv 2606.18312; threshold: Gavish and Donoho (2014), section I.D"
    secret: ClassVar[str] = "batch_texts"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts, PopulationFacts)

    def __init__(self, *, batches: int = 2, candidates: int = 256, width: int = 3) -> None:
        self.batches = batches
        self.candidates = candidates
        self.width = width
        self._residuals: dict[str, float] = {}

    def refuses(self, public: Public) -> str | None:
        """Encoders see whole texts at once."""
        lacking = super().refuses(public)
        return lacking or (None if public_model(public).causal else "made for causal models, this is an encoder")

    def guess(self, view: View) -> Guess:
        """Sender -> its texts, likeliest first."""
        facts = gradient_facts(view.public)
        guesses: dict[str, list[list[int]]] = {}
        self._residuals = {}
        for shared in shared_gradients(view):
            learner = learner_at(view.public, shared)
            made = simulated(view, shared, learner, self.batches)
            ratios = fitted(learner, facts, made)
            size = facts.batch_size * shared.clients
            search = _Beam(learner.part, facts, ratios, self.candidates, self.width * size)
            texts = search.texts(_Spaces.of(shared.values, learner))[: 4 * size]
            guesses.setdefault(shared.sender, []).extend(texts)
            best = texts[:size]
            self._residuals[f"{shared.sender} {shared.round}"] = certify(learner, shared, best, facts).residual
        return guesses

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """Per message, the norm of what the likeliest texts leave of the gradient: it needs no truth."""
        return {"residual": self._residuals}


@dataclass(frozen=True)
class Ratio:
    """Log-likelihood ratio of a logarithmic distance under two normal laws."""

    own: tuple[float, float]
    """Mean and standard deviation for what is in the batch."""
    other: tuple[float, float]
    """The same for what is not."""

    def __call__(self, distance: Tensor) -> Tensor:
        """Ratio at distances; beyond the own mean it never falls with nearness."""
        x = distance.clamp_min(LEAST).log()
        near = torch.maximum(x, x.new_tensor(self.own[0]))
        return self._density(near, self.own) - self._density(torch.minimum(x, x.new_tensor(self.other[0])), self.other)

    @staticmethod
    def _density(x: Tensor, law: tuple[float, float]) -> Tensor:
        return -((x - law[0]) / law[1]).square() / 2 - log(law[1])

    @classmethod
    def of(cls, own: Tensor, other: Tensor) -> Ratio:
        """From distances of both kinds."""
        return cls(_law(own), _law(other))


def _law(distances: Tensor) -> tuple[float, float]:
    x = distances.clamp_min(LEAST).log()
    spread = float(x.std()) if len(x) > 1 else 1.0
    return float(x.mean()), max(spread, 0.02)


def signal_space(rows: Tensor) -> Subspace:
    """Right singular vectors above the optimal hard threshold for noise of unknown size: omega(beta) times the median
    singular value.
    """
    _, values, right = torch.linalg.svd(rows.double(), full_matrices=False)
    ratio = min(rows.shape) / max(rows.shape)
    omega = 0.56 * ratio**3 - 0.95 * ratio**2 + 1.82 * ratio + 1.43
    kept = int((values > max(omega * float(values.median()), 2e-7 * float(values[0]))).sum())
    return Subspace(right[: min(max(kept, 1), rows.shape[1] - 2)].T.contiguous())


@dataclass(frozen=True)
class _Spaces:
    """Signal spaces of one message."""

    inputs: Subspace
    contexts: Subspace

    @classmethod
    def of(cls, values: Mapping[str, Tensor], learner: Learner) -> _Spaces | None:
        layers = ATTENTION[learner.part.family]
        inputs, contexts = input_rows(values, 0, layers), output_rows(values, 0, layers)
        if inputs is None or contexts is None:
            return None
        return cls(signal_space(inputs), signal_space(contexts))


@dataclass(frozen=True)
class _Simulated:
    """A batch of the attacker's own texts and the message that a client would send for it."""

    texts: list[list[int]]
    spaces: _Spaces


def simulated(view: View, shared: SharedGradient, learner: Learner, batches: int) -> list[_Simulated]:
    """Messages of auxiliary batches at the same model, through the defense where the view knows it."""
    facts, tokens = gradient_facts(view.public), public_tokens(view.public)
    labels = view.public.need(PopulationFacts).labels
    rng, size = numpy_rng(view), facts.batch_size * shared.clients
    own = [record for record in view.public.auxiliary if record.label in labels]
    made = []
    for _ in range(batches):
        chosen = [own[i] for i in rng.permutation(len(own))[:size].tolist()]
        texts = [tokens.encode(record.text)[: facts.max_tokens] for record in chosen]
        ids, mask = padded([whole_ids(facts, text) for text in texts])
        batch = (ids, mask, torch.tensor([labels.index(str(record.label)) for record in chosen]))
        trained = {n: one for n, one in learner.named_trained().items() if n in shared.values}
        gradients = torch.autograd.grad(shared.clients * learner.loss(batch), list(trained.values()), allow_unused=True)
        payload = {
            name: torch.zeros_like(one) if value is None else value
            for (name, one), value in zip(trained.items(), gradients, strict=True)
        }
        if facts.precision == "bf16":
            payload = {name: value.to(torch.bfloat16).float() for name, value in payload.items()}
        message = Message(Kind.GRADIENT, dict(payload), step=shared.round, round=shared.round)
        sent = view.defend([message])[0] if view.adaptive else message
        spaces = _Spaces.of({name: value.float() for name, value in sent.tensors().items()}, learner)
        if spaces is not None:
            made.append(_Simulated(texts, spaces))
    return made


def fitted(learner: Learner, facts: GradientFacts, made: Sequence[_Simulated]) -> tuple[Ratio, Ratio] | None:
    """Ratios of tokens and of contexts, from batches that the attacker knows; None where there is none."""
    if not made:
        return None
    part, prefix = learner.part, list(facts.prefix)
    every = torch.arange(0, part.vocab_size, max(1, part.vocab_size // 2000))
    own, other, near, far = [], [], [], []
    for one in made:
        present = torch.tensor(sorted({token for text in one.texts for token in text}))
        own.append(one.spaces.inputs.distance(input_vectors(part, present, len(prefix)).double()))
        other.append(one.spaces.inputs.distance(input_vectors(part, every, len(prefix)).double()))
        for text in one.texts[:8]:
            tree = ContextTree(part, prefix)
            for token in text:
                ids = torch.cat([torch.tensor([token]), present[present != token][:24]])
                distances = one.spaces.contexts.distance(tree.contexts(ids)[0].double())
                near.append(distances[:1])
                far.append(distances[1:])
                tree.extend(torch.tensor([0]), torch.tensor([0]))
    return Ratio.of(torch.cat(own), torch.cat(other)), Ratio.of(torch.cat(near), torch.cat(far))


@dataclass(frozen=True)
class _Beam:
    part: Part
    facts: GradientFacts
    ratios: tuple[Ratio, Ratio] | None
    candidates: int
    width: int

    def texts(self, spaces: _Spaces | None) -> list[list[int]]:
        """Texts without the public prefix, likeliest first."""
        if spaces is None or self.ratios is None:
            return []
        of_tokens, of_contexts = self.ratios
        prefix = list(self.facts.prefix)
        by_position = not (self.part.spec.rope or self.part.spec.alibi)
        ids, prior = self._tokens(spaces.inputs, of_tokens, len(prefix))
        tree = ContextTree(self.part, prefix)
        paths: list[tuple[list[int], float]] = [([], 0.0)]
        done: list[tuple[list[int], float]] = []
        for position in range(len(prefix), len(prefix) + self.facts.max_tokens):
            if by_position and position > len(prefix):
                ids, prior = self._tokens(spaces.inputs, of_tokens, position)
            gain = of_contexts(spaces.contexts.distance(tree.contexts(ids).double())) + prior
            done += [path for path, best in zip(paths, gain.amax(1).tolist(), strict=True) if best < 0]
            total = gain + torch.tensor([value for _, value in paths], dtype=torch.float64)[:, None]
            allowed = torch.where(gain >= 0, total, total.new_tensor(-torch.inf)).flatten()
            best = allowed.topk(min(self.width, int(torch.isfinite(allowed).sum()))).indices
            if not len(best):
                paths = []
                break
            rows, choice = best // len(ids), best % len(ids)
            paths = [
                ([*paths[r][0], int(ids[c])], float(total[r, c]))
                for r, c in zip(rows.tolist(), choice.tolist(), strict=True)
            ]
            tree.extend(rows, choice)
        ranked = sorted([*done, *paths], key=lambda path: -path[1] / sqrt(max(1, len(path[0]))))
        return [text for text, _ in ranked if text]

    def _tokens(self, inputs: Subspace, ratio: Ratio, position: int) -> tuple[Tensor, Tensor]:
        """The likeliest tokens at a position and their log-likelihood ratios, with the odds of being one of so many."""
        scores = torch.cat(
            [
                ratio(inputs.screened(input_vectors(self.part, ids, position)).double())
                for ids in torch.arange(self.part.vocab_size).split(CHUNK)
            ]
        )
        special = sorted(self.facts.special_ids)
        scores[special] = -torch.inf
        ids = scores.topk(self.candidates).indices
        exact = ratio(inputs.distance(input_vectors(self.part, ids, position).double()))
        return ids, exact.clamp(max=20.0) / 4
