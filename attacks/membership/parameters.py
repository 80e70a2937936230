"""Uploaded parameters as answers: whoever is sent a client's model can ask it about every candidate, unnoticed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from attacks.membership.reading import Memo
from attacks.membership.reference import embedded
from harness.attack import SERVER, Candidate, Floats, Kind, Message, SeenMessage, Shadow, SuiteError

if TYPE_CHECKING:
    from harness.attack import DefenseCard, Encoder, Public, View

__all__ = ["Evaluated", "Layers", "Upload", "evaluated", "forward", "layers_of", "uploads"]

Layers = tuple[tuple[Floats, Floats], ...]
"""Weight ``[out, in]`` and bias ``[out]`` of every linear layer, in order; between two of them stands a ReLU."""

_FIELD = re.compile(r"(?:(\d+)_)?weight")


@dataclass(frozen=True)
class Upload:
    """A model that a party sent, and the one that it was sent last before that, if that was seen."""

    party: str
    round: int
    after: Layers
    before: Layers | None


@dataclass(frozen=True)
class Evaluated:
    """A view in which every party answered about all candidates with the models that it sent."""

    inner: View
    ask: Callable[[Sequence[SeenMessage]], Sequence[SeenMessage]]

    @property
    def public(self) -> Public:
        return self.inner.public

    @property
    def defense(self) -> DefenseCard:
        return self.inner.defense

    @property
    def adaptive(self) -> bool:
        return self.inner.adaptive

    @property
    def rng(self) -> torch.Generator:
        return self.inner.rng

    @property
    def candidates(self) -> Sequence[Candidate]:
        return self.inner.candidates

    @property
    def own(self) -> Mapping[str, Any]:
        """The queries: one for each candidate."""
        return {"query_ids": [one.id for one in self.candidates]}

    @property
    def transcript(self) -> Sequence[SeenMessage]:
        """The answers of the run."""
        return self.ask(self.inner.transcript)

    def shadows(self, n: int | None = None) -> Sequence[Shadow]:
        """The answers of shadow runs."""
        return [replace(run, transcript=self.ask(run.transcript)) for run in self.inner.shadows(n)]

    def embed(self, texts: Sequence[str], encoder: Encoder | None = None) -> torch.Tensor:
        """As in the view itself."""
        return self.inner.embed(texts, encoder)


def evaluated(view: View, memo: Memo) -> Any:
    """The view with answers in place of parameters, as attacks on logits read it; each run is evaluated once.

    Raises:
        SuiteError: the coalition is sent no model of a candidate's party, or one of unknown build.
    """
    points, parties = embedded(view, [one.text for one in view.candidates]), {one.party for one in view.candidates}

    def ask(transcript: Sequence[SeenMessage]) -> Sequence[SeenMessage]:
        return memo.of(transcript, lambda: [_answer(one, points) for one in uploads(transcript, parties)])

    return Evaluated(view, ask)


def uploads(transcript: Iterable[SeenMessage], parties: Iterable[str]) -> list[Upload]:
    """Every model that one of ``parties`` sent, in order.

    Raises:
        SuiteError: there is none.
    """
    of, found, told = frozenset(parties), [], dict[str, Layers]()
    for sighting in transcript:
        message = sighting.message
        layers = layers_of(message.payload) if message.kind is Kind.PARAMETERS else ()
        if not layers:
            continue
        if sighting.sender in of:
            found.append(Upload(sighting.sender, message.round, layers, told.get(sighting.sender)))
        elif sighting.receiver in of:
            told[sighting.receiver] = layers
    if not found:
        raise SuiteError(
            "no model of a candidate's party is sent to this coalition: attack one that is, such as edge0 of FedHKT"
        )
    return found


def layers_of(payload: Mapping[str, Any]) -> Layers:
    """The linear layers among a message's fields, named ``weight`` and ``bias`` or ``0_weight``, ``2_weight``, ...

    Raises:
        SuiteError: a weight without a bias.
    """
    matches = {name: _FIELD.fullmatch(name) for name in payload}
    names = sorted((int(match[1] or 0), name) for name, match in matches.items() if match)
    if odd := [name for _, name in names if name.replace("weight", "bias") not in payload]:
        raise SuiteError(f"parameters {', '.join(odd)} come without a bias: this is no chain of linear layers")
    return tuple((_array(payload[name]), _array(payload[name.replace("weight", "bias")])) for _, name in names)


def forward(layers: Layers, points: Floats) -> Floats:
    """Logits ``[m, classes]`` of embeddings ``[m, d]``.

    Raises:
        SuiteError: the layers do not fit each other or the embeddings.
    """
    x = points
    for place, (weight, bias) in enumerate(layers):
        if weight.ndim != 2 or weight.shape != (len(bias), x.shape[1]):
            shapes = ", ".join(str(list(w.shape)) for w, _ in layers)
            raise SuiteError(f"weights {shapes} are no model of embeddings of {points.shape[1]} dimensions")
        x = (np.maximum(x, 0.0) if place else x) @ weight.T + bias
    return x


def _answer(one: Upload, points: Floats) -> SeenMessage:
    logits = torch.from_numpy(forward(one.after, points))
    return SeenMessage(one.party, SERVER, Message(Kind.LOGITS, {"logits": logits}, round=one.round))


def _array(values: torch.Tensor) -> Floats:
    return np.asarray(values.double().numpy(), dtype=np.float64)
