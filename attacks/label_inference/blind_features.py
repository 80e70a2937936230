"""Floor of label inference: the same few labels and method on features of an untrained bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.label_guess import completed, squashed
from attacks.toolkit.public_states import untrained_answers
from attacks.toolkit.readers.cut_gradients import finetuning, hinted
from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["BlindFeatures"]


class BlindFeatures(Attack):
    """Labels from features that no label has touched: what the texts give away in split inference already.

    Self-training from the hints, as in ``model_completion``, on what the curious party's blocks make of each record
    before any training: the undefended states of when it first came, through the public weights up to the tail. It
    looks at no gradient and no answer of the run in question, but at states of the undefended one: the measured floor
    of every attack that reads labels out of training.
    """

    name: ClassVar[str] = "blind_features"
    summary: ClassVar[str] = "the same few labels on features of an untrained bottom"
    source: ClassVar[str] = "arXiv 2603.18680 (2026), the part of model completion that owes nothing to the protocol"
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("HIDDEN",)
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)
    blind: ClassVar[bool] = True

    def guess(self, view: View) -> Guess:
        """Record -> probability of class 1, as far as log-odds are calibrated."""
        answers = untrained_answers(view)
        records = tuple(answers)
        hints = hinted(finetuning(view), records)
        odds = completed(np.stack([answers[r] for r in records]), hints.places, hints.classes)
        return squashed(dict(zip(records, odds.tolist(), strict=True)))
