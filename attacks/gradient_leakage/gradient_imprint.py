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


class GradientImprint(Attack):
    """Reads single tokens off neighbouring rows of the feed-forward layers' gradients, and texts off what attention
    added to each of their tokens; everything it needs to know of the altered model is in the message that held it.

    Analytic: no optimisation, no knowledge of the defense, no auxiliary texts. A token is lost where it shares its bin
    with others in all blocks; one missing token of a text is solved for from the text's signature.
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
            texts = reader.texts(read_states(shared))
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


def read_states(shared: SharedGradient) -> Tensor:
    """States ``[n, d]`` before the feed-forward layers, of tokens that are alone in a bin, in any block.

    A state that comes out of a norm has mean 0 and variance 1; a mixture of several has not.

    Raises:
        SuiteError: the model was not altered: the rows of a layer differ.
    """
    states = []
    for name in sorted(n for n in shared.model if n.endswith("intermediate.dense.weight")):
        weight, bias = shared.model[name], shared.model[name.replace("weight", "bias")]
        if not bool((weight == weight[0]).all()):
            break
        order = bias.argsort(descending=True)
        rows = shared.values[name].double()[order].diff(dim=0, prepend=torch.zeros(1, weight.shape[1]).double())
        own = shared.values[name.replace("weight", "bias")].double()[order]
        own = own.diff(prepend=torch.zeros(1).double())
        there = own.abs() > CERTAIN**2 * own.abs().max()
        read = rows[there] / own[there, None]
        sure = (read.mean(1).abs() < CERTAIN) & ((read.var(1, correction=0) - 1).abs() < CERTAIN)
        states.append(read[sure])
    if not states:
        raise SuiteError(
            "gradient_imprint reads models that the server altered: run it with behaviour malicious, in an entry whose "
            "server is malicious"
        )
    return torch.cat(states).float()


class Reader:
    """Tokens, places and texts of states, by an altered model."""

    def __init__(self, part: Part, longest: int) -> None:
        first = dict(part.blocks[0].named_parameters())
        reading, back = first["attention.self.value.weight"].detach(), first["attention.output.dense.weight"].detach()
        used = reading.any(1)
        self.reading, self.basis = reading[used], back[:, used]
        self.middle = -(self.basis.T @ first["attention.output.dense.bias"].detach())
        self.part, self.longest = part, longest

    def texts(self, states: Tensor) -> list[dict[int, int]]:
        """Place -> token id of every text; whole ones first."""
        groups: list[list[Token]] = []
        for token in self._tokens(_distinct(states)):
            near = [g for g in groups if _alike(g[0].signature, token.signature)]
            if near:
                near[0].append(token)
            else:
                groups.append([token])
        found = [self._completed(group) for group in groups]
        return [text for text, _ in sorted(found, key=lambda pair: not pair[1]) if text]

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
                tokens.append(Token(token, place, signature))
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
        """What is neither in the signature's directions nor in the mean, which the norm takes out."""
        centred = states - states.mean(1, keepdim=True)
        return centred - centred @ self.basis @ self.basis.T


def _some(states: Tensor) -> Tensor:
    """The first coordinates of states, with norm 1."""
    return torch.nn.functional.normalize(states[:, :SOME], dim=1)


def _alike(first: Tensor, second: Tensor) -> bool:
    return float((first - second).norm()) < SAME * float(first.norm())


def _distinct(states: Tensor) -> Tensor:
    """Each state once: a token is read off in several blocks."""
    kept: list[Tensor] = []
    if len(states):
        near = torch.cdist(states, states) < 10 * CERTAIN * states.shape[1] ** 0.5
        kept = [state for row, state in enumerate(states) if not bool(near[row, :row].any())]
    return torch.stack(kept) if kept else states
