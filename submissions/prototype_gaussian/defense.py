"""Gaussian noise on class prototypes, scaled to how much one record can move each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import Defense, Item, Kind, Message


class PrototypeGaussian(Defense):
    """Noise of ``multiplier`` times the sensitivity of each prototype, 2 clip / n for the mean of n records.

    An adapter is frozen first: through a trained model one record could move every prototype, whatever its n.
    """

    def __init__(self, multiplier: float, clip: float = 1.0) -> None:
        self.multiplier = multiplier
        self.clip = clip
        self.plain: Message | None = None
        self.sent: Message | None = None

    def prepare(self, records: Sequence[Item], settings: dict[str, Any]) -> Sequence[Item]:
        if settings.get("features") == "adapter":
            settings["features"] = "frozen"
        return records

    def send(self, message: Message) -> Message:
        if message.kind is not Kind.PROTOTYPE:
            return message
        if not self._repeats(message):
            self.plain, self.sent = message, message.replace(**self._noisy(message))
        assert self.sent is not None
        return message.replace(**self.sent.payload)

    def _noisy(self, message: Message) -> dict[str, Any]:
        bound = message.sensitivity["means"].add_remove
        scale = self.multiplier * (bound if isinstance(bound, float) else bound[:, None] * self.clip)
        noisy = {"means": self.me.gaussian(message["means"], clip=self.clip, scale=scale)}
        if "counts" in message.payload:
            noisy["counts"] = self.me.gaussian(message["counts"], clip=None, scale=self.multiplier)
        return noisy

    def _repeats(self, message: Message) -> bool:
        """Whether these are the prototypes sent last: fresh noise on them would average out over the rounds."""
        if self.plain is None or message["classes"] != self.plain["classes"]:
            return False
        means = self.plain["means"]
        return bool(message["means"].shape == means.shape and (message["means"] == means).all())
