"""Notes of everything that leaves a private party, by mechanism, made while it happens: the ledger's raw material.

Per message, each field was released by a mechanism of the harness, is public, follows from a model that was trained
with differential privacy, left unchanged (``clear``), or was changed by means that the harness knows nothing of
(``elsewhere``). That a mechanism was used says nothing about what was sent: a field counts as released by it only if it
left as the mechanism returned it for this message, or as the harness's own post-processing made it of that (Dwork and
Roth, 2014, proposition 2.1). What left once may leave again, as it was and for the same values, at no further cost.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.dp.sensitivity import MODEL, Bound, Ratios, as_bound
from harness.store.schema import LedgerEntry
from harness.wire.message import Message, Value
from harness.wire.packing import Packed, pack_int8, pack_top_k

__all__ = ["CLEAR", "ELSEWHERE", "Release", "Releases"]

CLEAR, ELSEWHERE = "clear", "elsewhere"
DIGITS = 12
UNBOUNDED = Ratios(None, None, None)


@dataclass(frozen=True)
class Release:
    """One law under which a field left; equal ones are counted together."""

    mechanism: str
    clip: float | None = None
    scale: float = 0.0
    rate: float | None = None
    kind: str = ""
    field: str = ""
    ratios: Ratios = UNBOUNDED
    after_training: bool = False
    """The field follows from the trained model and left unchanged: covered where every training on private records was
    differentially private."""


class Releases:
    """Notes of one party. Records of different sessions are different, so their releases do not compose."""

    def __init__(self) -> None:
        self._times: dict[Release, Counter[int]] = {}
        self._vectors: dict[Release, Counter[int]] = {}
        self._message: Message | None = None
        self._outputs: dict[str, list[Tensor]] = {}
        self._constants: set[str] = set()
        self._sent_before: set[tuple[str, str, bytes, bytes]] = set()
        self.trained_plainly = False
        """Whether any training on private records was without differential privacy."""

    def begin(self, message: Message) -> None:
        """A message is about to go through the defense."""
        self._message, self._outputs, self._constants = message, {}, set()

    def field_of(self, x: Tensor) -> tuple[str, Bound | None]:
        """The field of the message in flight that ``x`` is, untouched, with its declared bound; ("", None) if none."""
        message = self._message
        if message is None:
            return "", None
        fields = {name: value for name, value in message.payload.items() if isinstance(value, Tensor)}
        itself = [name for name, value in fields.items() if value is x]
        alike = [n for n, value in fields.items() if value.shape == x.shape and torch.equal(value, x)]
        name = next(iter((*itself, *alike)), "")  # two fields may hold the same numbers
        return name, as_bound(message.sensitivity.get(name))

    def note(self, release: Release, times: int, vectors: int) -> None:
        """Count a release of the message in flight."""
        session = self._message.session if self._message else 0
        self._times.setdefault(release, Counter())[session] += times
        self._vectors.setdefault(release, Counter())[session] += vectors
        if release.mechanism == "constant":
            self._constants.add(release.field)

    def keep(self, field: str, output: Tensor) -> Tensor:
        """Remember what a mechanism returned for a field of the message in flight; returns it."""
        if field:
            self._outputs.setdefault(field, []).append(output.detach().clone())
        return output

    def derive(self, x: Tensor, result: Tensor) -> Tensor:
        """Remember ``result``, computed from ``x`` alone, where a mechanism returned ``x``; returns it."""
        for field, outputs in self._outputs.items():
            if any(_equal(x, output) for output in outputs):
                return self.keep(field, result)
        return result

    @property
    def kind(self) -> str:
        """Kind of the message in flight."""
        return self._message.kind.value if self._message else ""

    def end(self, sent: Message) -> None:
        """The defense is done: note every private field that no mechanism released."""
        message = self._message
        assert message is not None
        for name, before in message.payload.items():
            declared = message.sensitivity.get(name)
            if isinstance(declared, int | float) and declared == 0:
                continue
            after = sent.payload[name]
            same = _equal(before, after) and name not in self._constants
            if not same and self._is_release(name, before, after):
                continue
            # What a defense changed may hold more than the model does: it has seen the records.
            follows = same and isinstance(declared, str) and declared == MODEL
            mechanism = CLEAR if same else ELSEWHERE
            self.note(Release(mechanism, kind=self.kind, field=name, after_training=follows), 1, 0)
        self._message = None

    def _is_release(self, name: str, before: Value, after: Value) -> bool:
        """True where a field leaves as a mechanism returned it, for this message or for an earlier one of the same
        values: whoever sees the same output twice learns nothing by the second."""
        if not (isinstance(before, Tensor) and isinstance(after, Tensor | Packed)):
            return False
        place = (self.kind, name, _digest(before), _digest(after))
        if any(_equal(_as_sent(output, after), after) for output in self._outputs.get(name, ())):
            self._sent_before.add(place)
        return place in self._sent_before

    def ledger(self, party: str) -> tuple[LedgerEntry, ...]:
        """One entry per release, in order of first use; nothing where no mechanism was used at all."""
        noisy = any(release.mechanism == "dpsgd" for release in self._times)
        trained = noisy and not self.trained_plainly
        real = [r for r in self._times if r.mechanism not in (CLEAR, ELSEWHERE)]
        counted = [r for r in self._times if not (r.after_training and trained and r.mechanism == CLEAR)]
        return tuple(self._entry(release, party) for release in counted) if real else ()

    def _entry(self, release: Release, party: str) -> LedgerEntry:
        times, vectors = self._times[release], self._vectors[release]
        return LedgerEntry(
            mechanism=release.mechanism,
            clip=release.clip,
            scale=release.scale,
            uses=sum(vectors.values()) or sum(times.values()),
            party=party,
            sample_rate=release.rate,
            kind=release.kind,
            field=release.field,
            ratio_add_remove=_rounded(release.ratios.add_remove),
            ratio_replace=_rounded(release.ratios.replace),
            ratio_vector=_rounded(release.ratios.vector),
            releases=max(times.values()),
            vectors=max(vectors.values()),
        )


def rounded(ratios: Ratios) -> Ratios:
    """Ratios that differ in the last digits alone are one law."""
    return Ratios(_rounded(ratios.add_remove), _rounded(ratios.replace), _rounded(ratios.vector))


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def _as_sent(output: Tensor, sent: Tensor | Packed) -> Tensor:
    """A mechanism's output in the number format or the packed form in which it was sent."""
    if isinstance(sent, Tensor):
        return output.to(sent.dtype)
    if sent.form == "topk":
        return pack_top_k(output, sent.parts["index"].shape[-1]).dense()
    return pack_int8(output).dense()


def _digest(value: Tensor | Packed) -> bytes:
    """SHA-256 of shape, number format and content."""
    dense = (value.dense() if isinstance(value, Packed) else value).detach().cpu().contiguous()
    content = dense.reshape(-1).view(torch.uint8).numpy().tobytes() if dense.numel() else b""
    return hashlib.sha256(f"{tuple(dense.shape)} {dense.dtype} ".encode() + content).digest()


def _equal(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor) and isinstance(after, Tensor | Packed):
        dense = after.dense() if isinstance(after, Packed) else after
        return before.shape == dense.shape and torch.equal(before.to(dense.dtype), dense)
    return bool(before == after) if not isinstance(before, Mapping | Tensor) else before is after
