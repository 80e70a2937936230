"""Randomised response on the labels of training records, once and for all rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp
from typing import Any

import torch

from harness import Defense, Item


class LabelDP(Defense):
    """A label stays with probability ``e^epsilon / (e^epsilon + C - 1)``, and is otherwise one of the ``C - 1`` others.

    (epsilon, 0)-differentially private in the labels: each is drawn once, so that epochs do not add up.
    """

    def __init__(self, epsilon: float) -> None:
        self.epsilon = epsilon

    def prepare(self, records: Sequence[Item], settings: dict[str, Any]) -> Sequence[Item]:
        labels = settings["labels"]
        stays = exp(self.epsilon) / (exp(self.epsilon) + len(labels) - 1)
        return [self.drawn(record, labels, stays) for record in records]

    def drawn(self, record: Item, labels: Sequence[str], stays: float) -> Item:
        """The record with its own or another label; inputs have none."""
        if record.label is None or float(torch.rand((), generator=self.me.generator)) < stays:
            return record
        others = [label for label in labels if label != record.label]
        place = int(torch.randint(len(others), (), generator=self.me.generator))
        return replace(record, label=others[place])
