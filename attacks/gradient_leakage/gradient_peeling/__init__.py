"""Whole batches of texts from an encoder's gradients: texts are found one by one and their gradients peeled off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from attacks.gradient_leakage.certificate import norm
from attacks.gradient_leakage.gradient_peeling.comembership import NEARLY, pursue
from attacks.gradient_leakage.gradient_peeling.pairs import Pair, candidate_pairs, pair_vectors, word_rows
from attacks.toolkit.gradient_space.architecture import ATTENTION, input_rows
from attacks.toolkit.gradient_space.context import first_blocks
from attacks.toolkit.gradient_space.subspace import TOLERANCE, Subspace, row_space
from attacks.toolkit.readers.gradients import (
    SharedGradient,
    gradient_facts,
    learner_at,
    public_model,
    shared_gradients,
)
from harness.attack import Attack, GradientFacts, padded

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Learner, Part, Public, Score, View

__all__ = ["GradientPeeling"]


class GradientPeeling(Attack):
    """Pairs of token and position from embedding gradients and the first attention's span; texts by co-membership
    (:mod:`.comembership`), certified by the second block's span; then the exact gradient of every certified text is
    subtracted, which lays bare the others, and so on up to ``rounds`` times.

    Polynomial in the batch. Where embeddings are frozen, pairs come from the span alone, which tells them apart in
    small batches only.
    """

    name: ClassVar[str] = "gradient_peeling"
    summary: ClassVar[str] = "batches of texts from an encoder's gradients, one by one"
    source: ClassVar[str] = "unpublished; the span: Petrov et al. (2024), DAGER, section 4"
    secret: ClassVar[str] = "batch_texts"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts,)

    def __init__(self, *, rounds: int = 12, certified: float = 1e-2) -> None:
        self.rounds = rounds
        self.certified = certified
        self._residuals: dict[str, float] = {}

    def refuses(self, public: Public) -> str | None:
        """Causal models have a simpler attack."""
        return super().refuses(public) or _needs_encoder(public)

    def guess(self, view: View) -> Guess:
        """Sender -> its texts in the order in which they were found."""
        guesses: dict[str, list[list[int]]] = {}
        facts = gradient_facts(view.public)
        self._residuals = {}
        for shared in shared_gradients(view):
            peeling = Peeling(learner_at(view.public, shared), facts, shared, self.certified)
            peeling.run(self.rounds)
            guesses.setdefault(shared.sender, []).extend(peeling.texts)
            self._residuals[f"{shared.sender} {shared.round}"] = peeling.residual
        return guesses

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """Per message, the norm of what the recovered texts leave of the gradient: it needs no truth."""
        return {"residual": self._residuals}


class Peeling:
    """One gradient, and what is left of it."""

    def __init__(self, learner: Learner, facts: GradientFacts, shared: SharedGradient, certified: float) -> None:
        self.texts: list[list[int]] = []
        self.labels: list[int] = []
        self._learner, self._facts, self._certified = learner, facts, certified
        self._size = facts.batch_size * shared.clients
        self._left = dict(shared.values)
        self._whole = norm(shared.values.values())
        self._floors: dict[int, float] = {}

    @property
    def residual(self) -> float:
        """Norm of what is left over that of the gradient."""
        return norm(self._left.values()) / max(self._whole, 1e-30)

    def run(self, rounds: int) -> None:
        """Find and peel until all texts are found or no more are."""
        for _ in range(rounds):
            known = {tuple(text) for text in self.texts}
            fresh = [text for text in self._found() if tuple(text) not in known]
            if not fresh:
                return
            labels = self._labelled(fresh)
            for name, gradient in self._gradient(fresh, labels).items():
                self._left[name] = self._left[name] - gradient
            self.texts += fresh
            self.labels += labels
            if len(self.texts) >= self._size or self.residual < 1e-4:
                return

    def _found(self) -> list[list[int]]:
        """Certified texts of what is left, without the public prefix and suffix."""
        span, deeper = self._span(0), self._span(1)
        if span is None or span.full or deeper is None or deeper.full:
            return []
        longest = self._facts.max_tokens + len(self._facts.prefix) + len(self._facts.suffix)
        pairs = candidate_pairs(self._left, self._learner.part, span, longest)
        before, after = len(self._facts.prefix), len(self._facts.suffix)

        def sure(ids: list[int]) -> bool:
            return second_block(self._learner.part, ids, deeper) < self._certified

        whole = assembled(self._left, self._learner.part, pairs, self._facts, sure) if pairs else []
        return [ids[before : len(ids) - after] for ids in whole]

    def _span(self, block: int) -> Subspace | None:
        """The span of a block's inputs; rounding errors stay those of the whole gradient when much is peeled off."""
        rows = input_rows(self._left, block, ATTENTION[self._learner.part.family])
        if rows is None:
            return None
        size = float(torch.linalg.matrix_norm(rows, 2))
        floor = self._floors.setdefault(block, size)
        return row_space(rows, TOLERANCE * max(1.0, floor / max(size, 1e-30)))

    def _labelled(self, texts: Sequence[list[int]]) -> list[int]:
        """Class numbers of texts: of each, the class whose gradient fits the rows of the words that it alone has."""
        classes = self._learner.spec.classes
        if not classes or word_rows(self._left) is None:
            return [0] * len(texts)
        misfits = []
        for label in range(classes):
            rows = word_rows(self._gradient(texts, [label] * len(texts)))
            assert rows is not None
            misfits.append([self._misfit(rows, text, texts) for text in texts])
        return [int(n) for n in torch.tensor(misfits).argmin(0)]

    def _misfit(self, rows: Tensor, text: list[int], texts: Sequence[list[int]]) -> float:
        left = word_rows(self._left)
        assert left is not None
        others = {token for other in texts if other is not text for token in other}
        own = torch.tensor(sorted(set(text) - others) or sorted(set(text)))
        return float(((left[own] - rows[own]).norm(dim=1) / rows[own].norm(dim=1).clamp_min(1e-30)).min())

    def _gradient(self, texts: Sequence[list[int]], labels: Sequence[int]) -> dict[str, Tensor]:
        """The share of texts in the gradient of the whole batch."""
        facts = self._facts
        ids, mask = padded([[*facts.prefix, *text, *facts.suffix] for text in texts])
        loss = len(texts) / facts.batch_size * self._learner.loss((ids, mask, torch.tensor(list(labels))))
        trained = {n: one for n, one in self._learner.named_trained().items() if n in self._left}
        gradients = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
        return {name: one for name, one in zip(trained, gradients, strict=True) if one is not None}


def assembled(
    values: Mapping[str, Tensor],
    part: Part,
    pairs: Sequence[Pair],
    facts: GradientFacts,
    sure: Callable[[list[int]], bool],
) -> list[list[int]]:
    """Whole texts, public prefix and suffix among them, that explain the query gradient of one of their tokens and are
    ``sure``; a token of several texts leads to none, its gradient being of all of them.
    """
    layers = ATTENTION[part.family]
    block = part.blocks[0]
    query = values[f"part.blocks.0.{layers.inputs[0]}.weight"].double()
    key = block.get_submodule(layers.inputs[1])
    assert isinstance(key, torch.nn.Linear) and key.bias is not None
    heads = int(part.config.num_attention_heads)
    vectors = pair_vectors(pairs, part)
    left, sizes, right = torch.linalg.svd(vectors, full_matrices=False)
    rank = int((sizes > 1e-7 * sizes[0]).sum())
    inverse = (right[:rank].T / sizes[:rank]) @ left[:, :rank].T
    loose = 1 - left[:, :rank].square().sum(1)  # energy of a pair in the null space: its gradient is not determined
    width = part.hidden_size // heads
    targets = (query @ inverse).T.reshape(len(pairs), heads, width)
    keys = (vectors @ key.weight.detach().double().T + key.bias.detach().double()).reshape(len(pairs), heads, width)
    keys = keys.permute(1, 0, 2).contiguous()
    places = [place for _, place in pairs]
    opening = set(facts.prefix)

    def complete(chosen: Sequence[int]) -> bool:
        # Without an end token nothing but an exact fit tells where a text ends.
        return bool(facts.suffix) and _text(chosen, pairs, facts) is not None

    activity = targets.flatten(1).norm(dim=1)
    order = [i for i in activity.argsort(descending=True).tolist() if activity[i] > 1e-6 * activity.max()]
    texts, covered = [], set[int]()
    for anchor in order:
        if anchor in covered or float(loose[anchor]) > 1e-6 or pairs[anchor][0] in opening:
            continue
        chosen, share = pursue(targets[anchor], keys, places, max(places) + 1, complete)
        text = _text(chosen, pairs, facts)
        if text is not None and share < NEARLY and anchor in chosen and sure(text):
            texts.append(text)
            covered |= set(chosen)
    return [list(text) for text in dict.fromkeys(map(tuple, texts))]


def _text(chosen: Sequence[int], pairs: Sequence[Pair], facts: GradientFacts) -> list[int] | None:
    """The token ids of a whole text, or None where there are gaps or no beginning or end."""
    ordered = sorted((pairs[i] for i in chosen), key=lambda pair: pair[1])
    ids = [token for token, _ in ordered]
    before, after = list(facts.prefix), list(facts.suffix)
    whole = [place for _, place in ordered] == list(range(len(ordered)))
    framed = ids[: len(before)] == before and ids[len(ids) - len(after) :] == after
    return ids if whole and framed and len(ids) > len(before) + len(after) else None


@torch.no_grad()
def second_block(part: Part, ids: Sequence[int], span: Subspace) -> float:
    """The largest distance of a text's states before the second block from the span that its gradients tell."""
    states = first_blocks(part, [part.blocks[0]])(torch.tensor([list(ids)]))
    return float(span.distance(states[0].double()).max())


def _needs_encoder(public: Public) -> str | None:
    return "made for encoders, this is a causal model" if public_model(public).causal else None
