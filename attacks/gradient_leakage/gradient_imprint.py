"""Whole batches from the gradient of a model that a malicious server altered: tokens bin by bin, texts by signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from attacks.toolkit.readers.gradients import SharedGradient, gradient_facts, learner_at, public_model, shared_gradients
from harness.attack import Attack, GradientFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Part, Public, View

__all__ = ["GradientImprint"]

FAMILIES = ("bert", "roberta")
CERTAIN = 1e-3
"""Largest deviation of a state that was read off, and of a token's cosine from 1."""
PASSES = 3
"""Times that bins of two tokens, of which one is known, are gone through."""
SAME = 0.05
"""Largest distance of signatures of one text, over their size."""
POOL = 4096
"""Rows of the vocabulary that are compared at a time."""
SOME = 96
"""Coordinates by which the nearest row is found; all of them then tell whether it is the token."""


@dataclass(frozen=True)
class Token:
    """A token that was read off, with its place in its text."""

    id: int
    place: int
    signature: Tensor
    """Coordinates ``[k]`` of what attention added to all tokens of the text."""
    state: Tensor
    """``[d]``"""


class GradientImprint(Attack):
    """Reads single tokens off neighbouring rows of the feed-forward layers' gradients, and texts off what attention
    added to each of their tokens; everything it needs to know of the altered model is in the message that held it.

    Analytic: no optimisation, no knowledge of the defense, no auxiliary texts. A token may share its bin with
    one that is known from another block; one missing token of a text is solved for from the text's signature.
    """

    name: ClassVar[str] = "gradient_imprint"
    summary: ClassVar[str] = "batches from the gradient of a model that a malicious server altered"
    source: ClassVar[str] = "Fowl et al. 2023, Decepticons, section 3"
    secret: ClassVar[str] = "batch_texts"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT", "PARAMETERS")
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts,)

    def refuses(self, public: Public) -> str | None:
        """The feed-forward layers have to have biases."""
        return super().refuses(public) or _other_architecture(public)

    def guess(self, view: View) -> Guess:
        """Sender -> its texts, whole ones first."""
        guesses: dict[str, list[list[int]]] = {}
        facts = gradient_facts(view.public)
        longest = facts.max_tokens + len(facts.prefix) + len(facts.suffix)
        for shared in shared_gradients(view):
            reader = Reader(learner_at(view.public, shared).part, longest)
            texts = reader.texts(bins) if (bins := bins_of(shared)) else []
            guesses.setdefault(shared.sender, []).extend(_inner(text, facts) for text in texts)
        return guesses


def _other_architecture(public: Public) -> str | None:
    family = public_model(public).family
    return None if family in FAMILIES else f"made for encoders of BERT's architecture, this is {family}"


def _inner(text: Mapping[int, int], facts: GradientFacts) -> list[int]:
    """Ids without the public prefix and suffix, as far as they are there."""
    ids = [text[place] for place in sorted(text) if place >= len(facts.prefix)]
    end = len(ids) - len(facts.suffix)
    return ids[:end] if facts.suffix and tuple(ids[end:]) == tuple(facts.suffix) else ids


@dataclass(frozen=True)
class Bins:
    """One block's bins ``[n]``: gradients of what is in each, summed over its tokens, and where a state belongs."""

    weight: Tensor
    """``[n, d]``: sum of d_t x_t over the bin's tokens t."""
    bias: Tensor
    """``[n]``: sum of d_t."""
    measure: Tensor
    """``[d]``"""
    cuts: Tensor
    """``[n]``, descending: the lower ends of the bins."""

    def place(self, states: Tensor) -> Tensor:
        """Numbers ``[m]`` of the bins that states are in; n beyond the last."""
        return ((states @ self.measure)[:, None] <= self.cuts).sum(1)


def bins_of(shared: SharedGradient) -> list[Bins]:
    """The bins of every block.

    Raises:
        SuiteError: the model was not altered: the rows of a layer differ.
    """
    layers = sorted(name for name in shared.model if name.endswith("intermediate.dense.weight"))
    if not layers or any(bool((shared.model[name] != shared.model[name][0]).any()) for name in layers):
        raise SuiteError(
            "gradient_imprint reads models that the server altered: run it with behaviour malicious, in an entry whose "
            "server is malicious"
        )
    bins = []
    for name in layers:
        if not {name, name.replace("weight", "bias")} <= shared.values.keys():  # a defense may leave fields out
            continue
        weight, bias = shared.model[name].double(), shared.model[name.replace("weight", "bias")].double()
        order = bias.argsort()  # a row is switched on by all tokens of the rows before it, and by its own bin's
        rows = shared.values[name].double()[order].diff(dim=0, prepend=torch.zeros(1, weight.shape[1]).double())
        own = shared.values[name.replace("weight", "bias")].double()[order].diff(prepend=torch.zeros(1).double())
        there = own.abs() > CERTAIN**2 * own.abs().max()
        bins.append(Bins(torch.where(there[:, None], rows, 0.0), torch.where(there, own, 0.0), weight[0], -bias[order]))
    return bins


def single_states(bins: Sequence[Bins]) -> Tensor:
    """States ``[n, d]`` before the feed-forward layers, of tokens that are alone in a bin, in any block.

    A state that comes out of a norm has mean 0 and variance 1; a mixture of several has not.
    """
    return torch.cat([_sure(one.weight[there] / one.bias[there, None]) for one in bins for there in [one.bias != 0]])


def paired_states(bins: Sequence[Bins], known: Tensor) -> Tensor:
    """The other states of bins that hold one of the ``known [m, d]`` and, so it is supposed, one more.

    With D = a x + b y and s = a + b known, as x is, |y|^2 = d tells a = (|D|^2 - d s^2) / 2 (D x - d s).
    """
    width, states = known.shape[1], [known[:0].double()]
    for block in bins:
        places = block.place(known.double())
        alone = torch.bincount(places, minlength=len(block.bias) + 1)[places] == 1
        held = [row for row in alone.nonzero().flatten().tolist() if places[row] < len(block.bias)]
        x = known.double()[held]
        total, share = block.weight[places[held]], block.bias[places[held]]
        part = (total.square().sum(1) - width * share**2) / (2 * ((total * x).sum(1) - width * share))
        states.append(_sure((total - part[:, None] * x) / (share - part)[:, None]))
    return torch.cat(states)


def _sure(read: Tensor) -> Tensor:
    mean = read.mean(1)
    variance = read.square().mean(1) - mean.square()
    return read[(mean.abs() < CERTAIN) & ((variance - 1).abs() < CERTAIN)]


class Reader:
    """Tokens, places and texts of states, by an altered model."""

    def __init__(self, part: Part, longest: int) -> None:
        first = dict(part.blocks[0].named_parameters())
        reading, back = first["attention.self.value.weight"].detach(), first["attention.output.dense.weight"].detach()
        used = reading.any(1)
        self.reading, self.basis = reading[used], back[:, used]
        self.middle = -(self.basis.T @ first["attention.output.dense.bias"].detach())
        self.part, self.longest = part, longest

    def texts(self, bins: Sequence[Bins]) -> list[dict[int, int]]:
        """Place -> token id of every text; whole ones first."""
        states = _distinct(single_states(bins).float())
        tokens = self._tokens(states)
        texts = self._texts(tokens)
        for _ in range(PASSES):
            if all(whole for _, whole in texts):
                break
            known = torch.stack([token.state for token in tokens]) if tokens else states[:0]
            more = _distinct(paired_states(bins, known).float(), known)
            fresh = self._tokens(more)
            if not fresh:
                break
            tokens += fresh
            texts = self._texts(tokens)
        return [text for text, _ in sorted(texts, key=lambda pair: not pair[1])]

    def _texts(self, tokens: Sequence[Token]) -> list[tuple[dict[int, int], bool]]:
        """Tokens by signature, and whether each text is whole."""
        groups: list[list[Token]] = []
        for token in tokens:
            near = [g for g in groups if _alike(g[0].signature, token.signature)]
            if near:
                near[0].append(token)
            else:
                groups.append([token])
        return [self._completed(group) for group in groups]

    @torch.no_grad()
    def _tokens(self, states: Tensor) -> list[Token]:
        """The token and place of every state that is one of the model's, beside its signature's directions."""
        wanted = _some(self._rest(states))
        best, where = torch.full((len(states),), -1.0), torch.zeros(len(states), 2, dtype=torch.long)
        for place in range(self.longest):
            for start in range(0, self.part.vocab_size, POOL):
                ids = torch.arange(start, min(start + POOL, self.part.vocab_size))
                value, row = (wanted @ _some(self._rest(self._embedded(ids, place))).T).max(1)
                better = value > best
                best[better] = value[better]
                where[better] = torch.stack([ids[row], torch.full_like(row, place)], 1)[better]
        tokens = []
        for state, (token, place) in zip(states, where.tolist(), strict=True):
            plain = self._embedded(torch.tensor([token]), place)[0]
            own, rest = self._rest(plain[None])[0], self._rest(state[None])[0]
            if float(torch.nn.functional.cosine_similarity(own, rest, dim=0)) > 1 - CERTAIN:
                # The norm scaled the state; what it has beside the signature's directions tells by how much.
                signature = self.basis.T @ (own.norm() / rest.norm() * state - plain)
                tokens.append(Token(token, place, signature, state))
        return tokens

    def _completed(self, group: Sequence[Token]) -> tuple[dict[int, int], bool]:
        """The text, and whether it is whole: a signature is that of the mean of all embeddings, which also tells one
        token that is missing."""
        text = {token.place: token.id for token in group}
        signature = torch.stack([token.signature for token in group]).median(0).values + self.middle
        size, tolerance = max(text) + 1, SAME * float(signature.norm())
        for length in (size, size + 1):
            gaps = [place for place in range(length) if place not in text]
            rest = length * signature - sum(self._read(id_, place) for place, id_ in text.items())
            if not gaps and float(rest.norm()) < tolerance:
                return text, True
            if len(gaps) == 1 and length <= self.longest:
                known = self._embedded(torch.arange(self.part.vocab_size), gaps[0]) @ self.reading.T
                distance, row = (known - rest).norm(dim=1).min(0)
                if float(distance) < tolerance:
                    return {**text, gaps[0]: int(row)}, True
        return text, False

    def _read(self, token: int, place: int) -> Tensor:
        return self.reading @ self._embedded(torch.tensor([token]), place)[0]

    @torch.no_grad()
    def _embedded(self, ids: Tensor, place: int) -> Tensor:
        """Embeddings ``[n, d]`` of tokens at a place."""
        return self.part.embed(ids[:, None], torch.full((1, 1), place))[:, 0].float()

    def _rest(self, states: Tensor) -> Tensor:
        """The part of states beside the signature's directions and the mean, which the norm takes out."""
        centred = states - states.mean(1, keepdim=True)
        return centred - centred @ self.basis @ self.basis.T


def _some(states: Tensor) -> Tensor:
    """The first coordinates of states, with norm 1."""
    return torch.nn.functional.normalize(states[:, :SOME], dim=1)


def _alike(first: Tensor, second: Tensor) -> bool:
    return float((first - second).norm()) < SAME * float(first.norm())


def _distinct(states: Tensor, known: Tensor | None = None) -> Tensor:
    """Each state once, and none of the known ones: a token is read off in several blocks."""
    before = states[:0] if known is None else known
    every = torch.cat([before, states])
    near = torch.cdist(every, every) < 10 * CERTAIN * states.shape[1] ** 0.5
    kept = [row for row in range(len(before), len(every)) if not bool(near[row, :row].any())]
    return every[kept]
