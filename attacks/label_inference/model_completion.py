"""Labels of training records by completing the curious party's own trained model with few labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.label_guess import completed, squashed
from attacks.toolkit.readers.cut_gradients import finetuning, hinted, last_answers
from harness.attack import Attack, FinetuneFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["ModelCompletion"]


class ModelCompletion(Attack):
    """A classifier on what the curious party's blocks, trained by the victim's gradients, made of each record.

    Passive: from the answers of the last epoch and the hints, by self-training. Its number means something beside
    ``blind_features`` alone, which does the same on features that no label has touched.
    """

    name: ClassVar[str] = "model_completion"
    summary: ClassVar[str] = "self-training on the trained bottom's outputs"
    source: ClassVar[str] = "Fu et al. 2022, Label inference attacks against vertical federated learning, section 4.2"
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("HIDDEN", "GRADIENT")
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)

    def guess(self, view: View) -> Guess:
        """Record -> probability of class 1, as far as log-odds are calibrated."""
        answers = last_answers(view)
        records = tuple(answers)
        hints = hinted(finetuning(view), records)
        odds = completed(np.stack([answers[r] for r in records]), hints.places, hints.classes)
        return squashed(dict(zip(records, odds.tolist(), strict=True)))
