"""Gradients of split fine-tuning by training record: sums over a record's rows, round by round and epoch by epoch.

A text's loss reaches every row of it, so the gradient of a record is the sum of its rows; where the class head reads
the mean of all, or the last one, the sum is the gradient of what is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.attack import SERVER, FinetuneFacts, Floats, Kind, SuiteError

if TYPE_CHECKING:
    from harness.attack import Message, View

__all__ = [
    "Epoch",
    "Labelled",
    "epochs_of",
    "finetuning",
    "first_states",
    "hinted",
    "last_answers",
    "normalised",
    "scores_by_record",
    "states_of",
]

_TINY = 1e-30


@dataclass(frozen=True)
class Epoch:
    """The gradients of one pass over the training records."""

    records: tuple[str, ...]
    vectors: Floats
    """``[n, e]``: gradient of each record's share of its batch's mean loss, in what the private party was answered."""
    rounds: tuple[int, ...]
    """The round of each."""


@dataclass(frozen=True)
class Labelled:
    """Hints among some records: their places and their classes (0 or 1)."""

    places: tuple[int, ...]
    classes: tuple[int, ...]

    def of(self, number: int) -> list[int]:
        """Places of the hints of one class."""
        return [place for place, label in zip(self.places, self.classes, strict=True) if label == number]


def finetuning(view: View) -> FinetuneFacts:
    """Public facts of the fine-tuning."""
    return view.public.need(FinetuneFacts)


def epochs_of(view: View) -> list[Epoch]:
    """Gradients that the private party sent, by epoch: an epoch ends before a record comes again.

    Raises:
        SuiteError: the messages are not those of the batches that the facts name.
    """
    facts, epochs = finetuning(view), list[list[tuple[str, int, Floats]]]()
    lengths = {m.round: _lengths(m, facts) for m in _from_party(view, Kind.HIDDEN) if m.round < len(facts.batches)}
    for message in _from_party(view, Kind.GRADIENT):
        records = facts.batches[message.round]
        rows = _by_record(message, lengths[message.round])
        if not epochs or any(record == known for known, _, _ in epochs[-1] for record in records):
            epochs.append([])
        epochs[-1] += [(record, message.round, vector) for record, vector in zip(records, rows, strict=True)]
    return [
        Epoch(tuple(r for r, _, _ in rows), np.stack([v for _, _, v in rows]), tuple(n for _, n, _ in rows))
        for rows in epochs
    ]


def hinted(facts: FinetuneFacts, records: Sequence[str]) -> Labelled:
    """The hints among ``records``."""
    known = [(place, int(facts.hints[r] == facts.labels[1])) for place, r in enumerate(records) if r in facts.hints]
    return Labelled(tuple(place for place, _ in known), tuple(label for _, label in known))


def first_states(view: View) -> dict[str, Floats]:
    """Record -> the mean of its states when it first came, ``[d]``: nearly those of the public weights."""
    facts, states = finetuning(view), dict[str, Floats]()
    for number, means in states_of(view).items():
        for record, vector in zip(facts.batches[number], means, strict=True):
            states.setdefault(record, vector)
    return states


def states_of(view: View) -> dict[int, Floats]:
    """Round -> the mean of each text's states, ``[B, d]``, in the order of the batch."""
    facts = finetuning(view)
    sent = [m for m in _from_party(view, Kind.HIDDEN) if m.round < len(facts.batches)]
    return {m.round: np.stack(_by_record(m, _lengths(m, facts), "hidden", mean=True)) for m in sent}


def last_answers(view: View) -> dict[str, Floats]:
    """Record -> what the curious party's trained blocks made of it when it last came: the mean of its states, or its
    class scores."""
    facts, states = finetuning(view), dict[str, Floats]()
    lengths = {m.round: _lengths(m, facts) for m in _from_party(view, Kind.HIDDEN) if m.round < len(facts.batches)}
    for seen in view.transcript:
        message = seen.message
        if seen.sender == SERVER and message.kind in (Kind.HIDDEN, Kind.LOGITS) and message.round in lengths:
            name = "hidden" if message.kind is Kind.HIDDEN else "logits"
            rows = _by_record(message, lengths[message.round], name, mean=True)
            states.update(zip(facts.batches[message.round], rows, strict=True))
    return states


def normalised(epoch: Epoch) -> Floats:
    """Gradients over the median norm of their round: as training goes on, all of them shrink."""
    norms, scaled = np.linalg.norm(epoch.vectors, axis=1), epoch.vectors.copy()
    for number in set(epoch.rounds):
        members = np.array(epoch.rounds) == number
        scaled[members] /= max(float(np.median(norms[members])), _TINY)
    return scaled


def scores_by_record(epochs: Sequence[tuple[Sequence[str], Floats]]) -> dict[str, float]:
    """The mean over epochs of each record's value: noise of every epoch is drawn anew."""
    sums, counts = dict[str, float](), dict[str, int]()
    for records, values in epochs:
        for record, value in zip(records, values.tolist(), strict=True):
            sums[record] = sums.get(record, 0.0) + value
            counts[record] = counts.get(record, 0) + 1
    return {record: sums[record] / counts[record] for record in sums}


def _from_party(view: View, kind: Kind) -> list[Message]:
    return [seen.message for seen in view.transcript if seen.receiver == SERVER and seen.message.kind is kind]


def _lengths(message: Message, facts: FinetuneFacts) -> list[int]:
    lengths: list[int] = message["lengths"]
    if len(lengths) != len(facts.batches[message.round]):
        raise SuiteError(
            f"round {message.round}: states of {len(lengths)} texts, a batch of {len(facts.batches[message.round])}"
        )
    return lengths


def _by_record(message: Message, lengths: Sequence[int], name: str = "", *, mean: bool = False) -> list[Floats]:
    """Sums (or means) of a field's rows, one vector for each text of the batch."""
    fields: Mapping[str, torch.Tensor] = message.tensors()
    values = (fields[name] if name else next(iter(fields.values()))).double()
    parts = list(values) if len(values) == len(lengths) else torch.split(values, list(lengths))
    rows = [part[None] if part.dim() == 1 else part for part in parts]
    return [np.asarray((part.mean(0) if mean else part.sum(0)).numpy()) for part in rows]
