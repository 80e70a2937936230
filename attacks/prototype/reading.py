"""Prototypes out of a transcript, and what the attacker brings: embeddings and class moments of its own records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.prototype.moments import Moments, fit_by_class
from harness.attack import SERVER, SUM, Floats, Kind, SeenMessage, SuiteError

if TYPE_CHECKING:
    from harness.attack import Public, View

__all__ = [
    "Prototype",
    "auxiliary_embeddings",
    "auxiliary_shares",
    "class_moments",
    "distinct",
    "embeddings",
    "labels_of",
    "of_class",
    "parties_of",
    "prototypes",
    "public_parties",
]


@dataclass(frozen=True)
class Prototype:
    """One class mean that a party sent in one round; ``count`` where the message says how many records it is of."""

    party: str
    label: str
    round: int
    vector: Floats
    count: float | None


def labels_of(public: Public) -> tuple[str, ...]:
    """The public label set, in the order of dense messages."""
    return tuple(public.facts["labels"])


def prototypes(transcript: Iterable[SeenMessage], labels: Sequence[str]) -> list[Prototype]:
    """All prototypes that parties sent, in order; those that the server sent are of party ``server``.

    A message holds ``means [k, d]`` and may hold ``classes`` (their names, or positions in ``labels``; all of them
    if absent) and ``counts [k]``. Rows without records (count 0, or all zeros) are no prototypes.
    """
    found: list[Prototype] = []
    told: set[int] = set()
    for sighting in transcript:
        message = sighting.message
        if message.kind is not Kind.PROTOTYPE or "means" not in message.payload:
            continue
        if sighting.sender == SERVER:  # every client is told the same: once a round is enough
            if message.round in told:
                continue
            told.add(message.round)
        found += _rows(sighting.sender, message.payload, message["means"], message.round, labels)
    return found


def of_class(found: Sequence[Prototype], party: str, label: str) -> list[Prototype]:
    """The prototypes of one class, by round, of ``party``; the server's if the coalition does not see that party's."""
    whose = party if any(p.party == party for p in found) else SERVER
    return [p for p in found if p.party == whose and p.label == label]


def distinct(sent: Sequence[Prototype]) -> Floats:
    """The different vectors ``[k, d]`` among a class's prototypes, in order: one that is sent again tells nothing new,
    neither of the records nor of the noise."""
    return np.stack(list({p.vector.tobytes(): p.vector for p in sent}.values()))


def embeddings(view: View, texts: Sequence[str]) -> Floats:
    """Embeddings ``[n, d]`` of texts by the deployment's public encoder."""
    return np.asarray(view.embed(list(texts)).double().numpy())


def auxiliary_embeddings(view: View) -> tuple[Floats, list[str]]:
    """Embeddings and labels of the attacker's own labelled records."""
    labelled = [record for record in view.public.auxiliary if record.label is not None]
    if not labelled:
        raise SuiteError("attacks on prototypes need labelled auxiliary records: the scenario gives the attacker none")
    return embeddings(view, [r.text for r in labelled]), [str(r.label) for r in labelled]


def class_moments(view: View) -> Mapping[str, Moments]:
    """Moments of every class of which the attacker has records, in the public encoder's space."""
    return fit_by_class(*auxiliary_embeddings(view))


def auxiliary_shares(view: View) -> dict[str, float]:
    """Class -> share among the auxiliary records, each class counted once more so that none is ruled out."""
    labels = labels_of(view.public)
    own = Counter(record.label for record in view.public.auxiliary if record.label in labels)
    return {label: (own[label] + 1) / (own.total() + len(labels)) for label in labels}


def public_parties(view: View) -> tuple[str, ...]:
    """The private parties that are public: ``facts["parties"]``, or those that candidates are asked about."""
    return tuple(view.public.facts.get("parties") or dict.fromkeys(one.party for one in view.candidates))


def parties_of(view: View) -> tuple[str, ...]:
    """The public parties and all that sent something."""
    senders = [s.sender for s in view.transcript if s.sender not in (SERVER, SUM)]
    return tuple(dict.fromkeys([*public_parties(view), *senders]))


def _rows(
    sender: str, payload: Mapping[str, Any], means: Any, round_: int, labels: Sequence[str]
) -> list[Prototype]:  # fmt: skip
    vectors = means.double().numpy()
    names = [labels[c] if isinstance(c, int) else c for c in payload.get("classes", range(len(vectors)))]
    counts = [float(n) for n in payload["counts"]] if "counts" in payload else [None] * len(vectors)
    return [
        Prototype(sender, name, round_, vector, count)
        for name, vector, count in zip(names, vectors, counts, strict=True)
        if count != 0 and vector.any()
    ]
