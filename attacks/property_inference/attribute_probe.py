"""Attribute probe: logistic regression on the mean of a text's states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize

from attacks.toolkit.defense_channel.channel import Channel
from attacks.toolkit.defense_channel.live import live_channel
from attacks.toolkit.probe import fit_probe
from attacks.toolkit.readers.hidden_states import clean_states, forward_part, private_slice, resized
from harness.attack import Attack, SplitFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Observation, Record, View

__all__ = ["AttributeProbe", "pooled_state"]


class AttributeProbe(Attack):
    """Standardised logistic regression on states averaged over the private positions.

    Trained on the auxiliary records whose attribute is known: on their public-weight states, in the adaptive
    variant moved through the channel of the live deployment with ``draws`` draws of its noise.
    """

    name: ClassVar[str] = "attribute_probe"
    summary: ClassVar[str] = "logistic regression on mean-pooled states"
    source: ClassVar[str] = "Song and Raghunathan 2020, section 5 (attribute inference)"
    secret: ClassVar[str] = "attribute"
    needs: ClassVar[tuple[type[Facts], ...]] = (SplitFacts,)

    def __init__(
        self,
        *,
        attribute: str,
        texts: int = 1000,
        inverse_penalty: float = 0.01,
        draws: int = 2,
        simulated: int = 64,
        direct: int = 0,
    ) -> None:
        self.attribute = attribute
        self.texts = texts
        self.inverse_penalty = inverse_penalty
        self.draws = draws
        self.simulated = simulated
        self.direct = direct

    def guess(self, view: View) -> Guess:
        """Probability of the attribute, by record."""
        labelled = [one for one in view.public.auxiliary if self.attribute in one.attributes]
        known = [one for one in labelled if view.sessions.tokenize(one.text)][: self.texts]
        labels = [one.attributes[self.attribute] for one in known]
        if len(set(labels)) < 2:
            raise SuiteError(
                f"{self.name}: the auxiliary records show {sorted(set(labels))} of attribute {self.attribute!r}, "
                "not both values: give other auxiliary data, or leave the attribute out"
            )
        channel = live_channel(view, self.simulated) if view.adaptive and not self.direct else None
        x, y = self._examples(view, known, labels, channel)
        return self._scores(view, fit_probe(x, y, self.inverse_penalty), x.shape[1], channel)

    def _examples(
        self, view: View, known: Sequence[Record], labels: Sequence[int], channel: Channel | None
    ) -> tuple[Tensor, list[int]]:
        """Features ``[n, e]`` and labels: clean, or through the channel, or (``direct``) as simulated."""
        if view.adaptive and self.direct:
            few = [record.text for record in known[: self.direct]]
            return torch.stack([pooled_state(view.sessions.facts, one) for one in view.sessions.simulate(few)]), list(
                labels[: self.direct]
            )
        states = self._clean(view, known)
        if channel is None:
            return torch.stack([one.mean(0) for one in states]), list(labels)
        draws = [[channel.imitate(one, view.rng).mean(0) for one in states] for _ in range(self.draws)]
        return torch.stack([one for draw in draws for one in draw]), list(labels) * self.draws

    def _clean(self, view: View, known: Sequence[Record]) -> list[Tensor]:
        """Public-weight messages of the auxiliary records: ``[T, d]`` each, ``[1, d]`` if pooled."""
        split, ids = view.sessions.facts, tuple(tuple(view.sessions.tokenize(record.text)) for record in known)
        if not split.pooled:
            return list(clean_states(forward_part(view), ids, split.prefix, split.suffix))
        whole = tuple((*split.prefix, *one, *split.suffix) for one in ids)
        return [normalize(one.mean(0, keepdim=True), dim=-1) for one in clean_states(forward_part(view), whole)]

    def _scores(self, view: View, model: Any, width: int, channel: Channel | None) -> dict[str, float]:
        observed = view.sessions.observations()
        if not observed:
            return {}
        features = torch.stack([pooled_state(view.sessions.facts, one, channel) for one in observed])
        scores = model.predict_proba(resized(features, width).cpu().numpy())[:, 1]
        return {one.record: float(score) for one, score in zip(observed, scores, strict=True)}


def pooled_state(split: SplitFacts, observation: Observation, channel: Channel | None = None) -> Tensor:
    """``[e]``: mean of the messages at the private positions (of a pooled one: itself), without offsets."""
    if split.pooled:
        return observation.states
    states = observation.states if channel is None else channel.centre(observation.states)
    return states[private_slice(split, observation)].mean(0)
