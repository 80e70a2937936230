"""Global models of a transcript: what the server sent back in every round, and what each says about records.

Whoever takes part is sent them. They are all that one client sees of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from attacks.toolkit.confidence import LIMIT, logit_confidence
from attacks.toolkit.readers.gradients import gradient_facts, public_model, public_tokens, whole_ids
from attacks.toolkit.view import labels_of
from harness.attack import SERVER, Floats, Kind, Learner, LearnerSpec, SuiteError, padded

if TYPE_CHECKING:
    from harness.attack import Public, SeenMessage

__all__ = ["Asked", "Asker", "global_states"]

TOGETHER = 64
"""Texts in one forward pass."""

Asked = Sequence[tuple[str, str | None]]
"""Texts with their labels; labels do not matter in language modelling."""


def global_states(transcript: Iterable[SeenMessage]) -> list[Mapping[str, Tensor]]:
    """Values of the trained parameters after each round, in order: those sent to the first receiver that is seen.

    Raises:
        SuiteError: there are none.
    """
    receiver, states = "", dict[int, Mapping[str, Tensor]]()
    for seen in transcript:
        if seen.sender != SERVER or seen.receiver == SERVER or seen.message.kind is not Kind.PARAMETERS:
            continue
        receiver = receiver or seen.receiver
        if seen.receiver == receiver:
            states[seen.message.round] = seen.message.tensors()
    if not states:
        raise SuiteError("no global model is sent to this coalition: attack one that takes part, client or server")
    return [states[number] for number in sorted(states)]


class Asker:
    """The public model, asked about texts with the trained parameters of any round."""

    def __init__(self, public: Public) -> None:
        self._facts, self._tokens = gradient_facts(public), public_tokens(public)
        self._learner = Learner(public_model(public), LearnerSpec.of(self._facts.learner))
        self._start = self._learner.state()
        self._labels = labels_of(public)

    @torch.no_grad()
    def ask(self, state: Mapping[str, Tensor], asked: Asked) -> Floats:
        """Confidence ``[m]`` in each text: the logit of its label's share or, in language modelling, the mean
        log-likelihood of its tokens. ``state`` is empty for the public start.

        Raises:
            SuiteError: a label outside the label set.
        """
        self._learner.load({**self._start, **state})
        rows = sorted(range(len(asked)), key=lambda row: len(asked[row][0]))
        confidences = np.zeros(len(asked))
        for start in range(0, len(rows), TOGETHER):
            some = rows[start : start + TOGETHER]
            confidences[some] = self._answers([asked[row] for row in some])
        return confidences

    def gains(self, states: Sequence[Mapping[str, Tensor]], asked: Asked, start: Floats | None = None) -> Floats:
        """``[states, m]``: by how much every state is surer of each text than the public start, which is asked unless
        its answers are given.
        """
        before = self.ask({}, asked) if start is None else start
        return np.stack([self.ask(state, asked) for state in states]) - before

    def _answers(self, asked: Asked) -> Floats:
        facts = self._facts
        ids, mask = padded([whole_ids(facts, self._tokens.encode(t)[: facts.max_tokens]) for t, _ in asked])
        scores = self._learner(ids, mask).double()
        if self._learner.classifier is not None:
            return logit_confidence(scores.numpy(), self._class_numbers(asked))
        likely = scores[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0].clamp_min(-LIMIT)
        real = mask[:, 1:]
        return np.asarray(((likely * real).sum(1) / real.sum(1).clamp_min(1)).numpy(), dtype=np.float64)

    def _class_numbers(self, asked: Asked) -> np.ndarray:
        if strange := sorted({str(label) for _, label in asked} - set(self._labels)):
            raise SuiteError(f"texts labelled {', '.join(strange[:3])}, not in the label set {', '.join(self._labels)}")
        return np.array([self._labels.index(str(label)) for _, label in asked], dtype=np.int64)
