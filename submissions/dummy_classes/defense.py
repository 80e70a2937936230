"""Prototypes of classes that the party does not have, so that the classes it sends do not tell what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from harness import Defense, Item, Kind, Message, PublicSide


class DummyClasses(Defense):
    """Adds a dummy for a ``share`` of the absent classes, always the same ones, each the mean of ``of`` public texts.

    Dummies then follow what the server last made of their class, and so move with training as real ones do. Counts
    of dummies are drawn among the party's own, once: real ones do not change either. Where prototypes are no means of
    public embeddings (a projection of the party's own), a dummy is the mean of the prototypes that the party sends.
    """

    def __init__(self, share: float, of: int = 3) -> None:
        self.share = share
        self.of = of
        self.absent: list[int] | None = None
        self.centres: dict[int, Tensor] = {}
        self.counts: dict[int, Tensor] = {}

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        self.total = len(public.settings["labels"])
        self.texts = public.embed(public.texts) if public.embed and public.texts else torch.zeros(0, 0)

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.PROTOTYPE or not message["classes"]:
            return message
        absent = self._absent(message)
        means = torch.stack([self._dummy(name, message["means"]) for name in absent]) if absent else None
        if means is None:
            return message
        names = [*message["classes"], *absent]
        order = sorted(range(len(names)), key=names.__getitem__)
        added: dict[str, Any] = {"means": torch.cat([message["means"], means])[order]}
        if "counts" in message.payload:
            drawn = torch.stack([self.counts[name] for name in absent])
            added["counts"] = torch.cat([message["counts"], drawn])[order]
        return message.replace(classes=[names[row] for row in order], **added)

    def receive(self, message: Message) -> Message:
        if message.kind is Kind.PROTOTYPE:
            self.centres = dict(zip(message["classes"], message["means"], strict=True))
        return message

    def _absent(self, message: Message) -> list[int]:
        """The classes to pad with, chosen once; and with them their counts, for a count that changes is no real one."""
        present = message["classes"]
        if self.absent is None:
            missing = [name for name in range(self.total) if name not in present]
            chosen = torch.randperm(len(missing), generator=self.me.generator)[: round(self.share * len(missing))]
            self.absent = sorted(missing[i] for i in chosen.tolist())
            self.noise = {name: self._pick(len(self.texts)) for name in self.absent}
            if "counts" in message.payload:
                rows = torch.randint(len(present), (len(self.absent),), generator=self.me.generator)
                self.counts = dict(zip(self.absent, message["counts"][rows], strict=True))
        return [name for name in self.absent if name not in present]

    def _pick(self, size: int) -> Tensor:
        return torch.randperm(size, generator=self.me.generator)[: self.of]

    def _dummy(self, name: int, means: Tensor) -> Tensor:
        """Mean of a few public texts, moved to the class's last global prototype where there is one.

        In a space of the party's own, and without public texts, that prototype itself, or the mean of what is sent.
        """
        if self.texts.shape[-1] != means.shape[1] or len(self.texts) < self.of:
            return self.centres.get(name, means.mean(0))
        mean = self.texts[self.noise[name]].mean(0)
        return mean if name not in self.centres else self.centres[name] + mean - self.texts.mean(0)
