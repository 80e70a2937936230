"""Texts of a batch from gradients that are noisy, rounded or thinned out: likelihood ratios instead of thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from attacks.gradient_leakage.certificate import certify
from attacks.toolkit.gradient_space.architecture import ATTENTION, input_rows, output_rows
from attacks.toolkit.gradient_space.context import ContextTree, input_vectors
from attacks.toolkit.gradient_space.subspace import Subspace
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
ODDS = 1.0
"""Log-odds that a text ends, beside those against each of so many continuations."""
LEAST = 1e-9
"""Distances below are rounding errors."""


class GradientSubspace(Attack):
    """Signal spaces of the first attention by singular values above the edge of noise (Gavish and Donoho 2014); for
    each token and each continuation a log-likelihood ratio of its distance, batch against chance, fitted on ``batches``
    of auxiliary texts whose gradients went through the defense; a beam of ``width`` prefixes for each first token, of
    ``roots`` times as many first tokens as there are texts.

    After the continuous attack of TIGER (arXiv 2606.18312), in discrete form.
    """

    name: ClassVar[str] = "gradient_subspace"
    summary: ClassVar[str] = "batches of texts from noisy gradients by likelihood ratios of distances"
    source: ClassVar[str] = "after TIGER, arXiv 2606.18312; threshold: Gavish and Donoho (2014), section I.D"
    secret: ClassVar[str] = "batch_texts"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts, PopulationFacts)

    def __init__(self, *, batches: int = 2, candidates: int = 192, width: int = 2, roots: int = 4) -> None:
        self.batches = batches
        self.candidates = candidates
        self.width = width
        self.roots = roots
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
            known = simulated(view, shared, learner, self.batches)
            ratios = fitted(learner, facts, known)
            size = facts.batch_size * shared.clients
            search = _Beam(learner.part, facts, ratios, self.candidates, self.width, self.roots * size)
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
    """Log-likelihood ratio of the logarithm of a measure under two normal laws: of what is in the batch, and is not."""

    own: tuple[float, float]
    """Mean and standard deviation for what is in the batch."""
    other: tuple[float, float]
    """The same for what is not."""
    centred: bool = False
    """Which measure it is of: the distance, or the share of energy outside without what all have in common."""

    def __call__(self, measure: Tensor) -> Tensor:
        """Ratio at measures; it never falls with nearness."""
        x = measure.clamp_min(LEAST).log()
        near, far = torch.maximum(x, x.new_tensor(self.own[0])), torch.minimum(x, x.new_tensor(self.other[0]))
        return self._density(near, self.own) - self._density(far, self.other)

    @staticmethod
    def _density(x: Tensor, law: tuple[float, float]) -> Tensor:
        return -((x - law[0]) / law[1]).square() / 2 - log(law[1])

    @classmethod
    def of(cls, own: Tensor, other: Tensor) -> Ratio:
        """The ratio of the better measure of both, distances and centred shares [2, n]: the one of larger AUC."""
        areas = []
        for kind in (0, 1):
            order = torch.searchsorted(other[kind].sort().values, own[kind].contiguous())
            areas.append(1 - float(order.double().mean()) / other.shape[1])
        kind = int(areas[1] > areas[0])
        return cls(_law(own[kind]), _law(other[kind]), centred=bool(kind))


def _law(measures: Tensor) -> tuple[float, float]:
    x = measures.clamp_min(LEAST).log()
    spread = float(x.std()) if len(x) > 1 else 1.0
    return float(x.mean()), max(spread, 0.02)


@dataclass(frozen=True)
class Signal:
    """A space that is known up to noise: directions [d, r], and the share [r] of each that is no noise."""

    space: Subspace
    weights: Tensor

    def distance(self, x: Tensor) -> Tensor:
        """See :meth:`Subspace.distance`."""
        return self.space.distance(x)

    def centred(self, x: Tensor, centre: Tensor) -> Tensor:
        """Share of the energy of ``x - centre`` that is outside, by weight; the common part of all vectors is inside
        whatever they are, and would hide the rest.
        """
        moved = x - centre
        inside = (moved @ self.space.basis.to(x.dtype)).square() @ self.weights.to(x.dtype)
        return 1 - inside / moved.square().sum(-1).clamp_min(1e-30)

    def measured(self, x: Tensor, centre: Tensor) -> Tensor:
        """Both measures of vectors [n, d]: [2, n]."""
        return torch.stack([self.distance(x), self.centred(x, centre)])

    def ratio(self, ratio: Ratio, x: Tensor, centre: Tensor) -> Tensor:
        """The log-likelihood ratio of vectors, by the measure that it is of."""
        return ratio(self.centred(x, centre) if ratio.centred else self.distance(x))


def signal_space(rows: Tensor) -> Signal:
    """Right singular vectors above the optimal hard threshold for noise of unknown size: omega(beta) times the median
    singular value; weights by how far above.
    """
    _, values, right = torch.linalg.svd(rows.double(), full_matrices=False)
    ratio = min(rows.shape) / max(rows.shape)
    omega = 0.56 * ratio**3 - 0.95 * ratio**2 + 1.82 * ratio + 1.43
    noise = max(float(values.median()), 1e-7 * float(values[0]))
    kept = int((values > max(omega * noise, 2e-7 * float(values[0]))).sum())
    kept = min(max(kept, 1), rows.shape[1] - 2)
    weights = (1 - (noise / values[:kept].clamp_min(1e-30)).square()).clamp_min(0)
    return Signal(Subspace(right[:kept].T.contiguous()), weights)


@dataclass(frozen=True)
class _Spaces:
    """Signal spaces of one message."""

    inputs: Signal
    contexts: Signal

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
    batches_ = []
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
            batches_.append(_Simulated(texts, spaces))
    return batches_


def fitted(learner: Learner, facts: GradientFacts, known: Sequence[_Simulated]) -> tuple[Ratio, Ratio] | None:
    """Ratios of tokens and of contexts, from batches that the attacker knows; None where there is none."""
    if not known:
        return None
    part, prefix = learner.part, list(facts.prefix)
    some = _sample(part)
    centre = _centre(part, len(prefix))
    own, other, near, far = [], [], [], []
    for batch in known:
        present = torch.tensor(sorted({token for text in batch.texts for token in text}))
        own.append(batch.spaces.inputs.measured(input_vectors(part, present, len(prefix)).double(), centre))
        other.append(batch.spaces.inputs.measured(input_vectors(part, some, len(prefix)).double(), centre))
        for text in batch.texts[:8]:
            tree = ContextTree(part, prefix)
            for token in text:
                wrong = torch.cat([present, some[:: max(1, len(some) // 64)]])
                ids = torch.cat([torch.tensor([token]), wrong[wrong != token]])
                contexts = tree.contexts(ids)[0].double()
                measures = batch.spaces.contexts.measured(contexts, contexts.mean(0))
                near.append(measures[:, :1])
                far.append(measures[:, 1:])
                tree.extend(torch.tensor([0]), torch.tensor([0]))
    tokens, contexts_ = (torch.cat(some_, 1) for some_ in (own, near))
    return Ratio.of(tokens, torch.cat(other, 1)), Ratio.of(contexts_, torch.cat(far, 1))


def _sample(part: Part) -> Tensor:
    """Some 2000 tokens, evenly over the vocabulary."""
    return torch.arange(0, part.vocab_size, max(1, part.vocab_size // 2000))


def _centre(part: Part, position: int) -> Tensor:
    """The part that input vectors of all tokens have in common: their mean."""
    return input_vectors(part, _sample(part), position).double().mean(0)


@dataclass(frozen=True)
class _Beam:
    part: Part
    facts: GradientFacts
    ratios: tuple[Ratio, Ratio] | None
    candidates: int
    width: int
    """Prefixes that are followed for each first token."""
    roots: int
    """First tokens that are followed."""

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
            contexts = tree.contexts(ids).double()
            gain = (
                spaces.contexts.ratio(of_contexts, contexts, contexts.mean(1, keepdim=True))
                + prior
                - log(len(ids))
                - ODDS
            )
            done += [path for path, best in zip(paths, gain.amax(1).tolist(), strict=True) if best < 0]
            rows, choice = self._kept(paths, gain)
            if not len(rows):
                paths = []
                break
            paths = [
                ([*paths[r][0], int(ids[c])], paths[r][1] + float(gain[r, c]))
                for r, c in zip(rows.tolist(), choice.tolist(), strict=True)
            ]
            tree.extend(rows, choice)
        best_of: dict[int, tuple[list[int], float]] = {}
        for text, value in [*done, *paths]:
            if text and value > best_of.get(text[0], ([], -1.0))[1]:
                best_of[text[0]] = (text, value)
        ranked = sorted(best_of.values(), key=lambda path: -path[1] / sqrt(len(path[0])))
        others = [path for path in [*done, *paths] if path[0] and path not in ranked]
        return [text for text, _ in [*ranked, *sorted(others, key=lambda path: -path[1] / sqrt(len(path[0])))]]

    def _kept(self, paths: Sequence[tuple[list[int], float]], gain: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and columns of the continuations that are followed: the best first tokens, then the best ``width`` of
        each of these, for texts differ in how much of the gradient is theirs.
        """
        if not paths[0][0]:
            best = gain[0].topk(min(self.roots, gain.shape[1])).indices
            best = best[gain[0][best] >= 0]
            return torch.zeros_like(best), best
        rows, columns = (gain >= 0).nonzero().T
        totals = [paths[r][1] + float(gain[r, c]) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]
        kept: dict[int, list[int]] = {}
        for number in sorted(range(len(totals)), key=lambda n: -totals[n]):
            numbers = kept.setdefault(paths[int(rows[number])][0][0], [])
            if len(numbers) < self.width:
                numbers.append(number)
        chosen = torch.tensor(sorted(n for numbers in kept.values() for n in numbers), dtype=torch.long)
        return rows[chosen], columns[chosen]

    def _tokens(self, inputs: Signal, ratio: Ratio, position: int) -> tuple[Tensor, Tensor]:
        """The likeliest tokens at a position and their log-likelihood ratios."""
        centre = _centre(self.part, position)
        scores = torch.cat(
            [
                inputs.ratio(ratio, input_vectors(self.part, ids, position).double(), centre)
                for ids in torch.arange(self.part.vocab_size).split(CHUNK)
            ]
        )
        scores[sorted(self.facts.special_ids)] = -torch.inf
        best = scores.topk(min(self.candidates, len(scores) - len(self.facts.special_ids)))
        return best.indices, best.values.clamp(max=10.0) / 2
