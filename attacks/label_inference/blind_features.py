"""Floor of label inference: the same few labels and method on features of an untrained bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.label_guess import completed, squashed, standardised
from attacks.toolkit.public_states import auxiliary_states
from attacks.toolkit.readers.cut_gradients import finetuning, first_states, hinted
from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["BlindFeatures"]


class BlindFeatures(Attack):
    """Labels from features that no label has touched: what the texts give away in split inference already.

    Self-training from the hints, as ``model_completion`` does it, on the undefended states of each record when it first
    came, hardly trained; with ``texts`` auxiliary records of known label beside the hints. It looks at no gradient and
    no answer of the run in question, but at states of the undefended one: the measured floor of every attack that
    reads labels out of training.
    """

    name: ClassVar[str] = "blind_features"
    summary: ClassVar[str] = "the same few labels on features of an untrained bottom"
    source: ClassVar[str] = "arXiv 2603.18680 (2026), the part of model completion that owes nothing to the protocol"
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("HIDDEN",)
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)
    blind: ClassVar[bool] = True

    def __init__(self, *, texts: int = 0) -> None:
        self.texts = texts

    def guess(self, view: View) -> Guess:
        """Record -> probability of class 1, as far as log-odds are calibrated."""
        states = first_states(view)
        records = tuple(states)
        vectors = standardised(np.stack([states[r] for r in records]))
        hints = hinted(finetuning(view), records)
        places, classes = list(hints.places), list(hints.classes)
        if self.texts:
            own, labels = auxiliary_states(view, self.texts)
            places += range(len(records), len(records) + len(labels))
            vectors, classes = np.concatenate([vectors, standardised(own)]), classes + labels
        odds = completed(vectors, places, classes, rounds=0 if self.texts else 4)
        return squashed(dict(zip(records, odds[: len(records)].tolist(), strict=True)))
