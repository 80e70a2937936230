"""Labels of training records by a discriminant of their gradients, pooled over several known records."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.toolkit.label_guess import between_hints, discriminant, squashed
from attacks.toolkit.readers.cut_gradients import epochs_of, finetuning, hinted, normalised, scores_by_record
from harness.attack import Attack, FinetuneFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["GradientDiscriminant"]


class GradientDiscriminant(Attack):
    """Fisher's discriminant from all hints and the covariance of all gradients, improved on its own guesses.

    Log-odds are averaged over ``epochs`` (0: all), which noise that is drawn anew does not survive. It is what is left
    to do against noise of one covariance for both classes, be it isotropic or, as in Marvell, along the direction
    between the classes.
    """

    name: ClassVar[str] = "gradient_discriminant"
    summary: ClassVar[str] = "linear discriminant of gradients from all known records"
    source: ClassVar[str] = (
        "Li et al. 2022, Label leakage and protection in two-party split learning, section 3.2, with several hints; "
        "Fisher 1936"
    )
    secret: ClassVar[str] = "label"
    reads: ClassVar[tuple[str, ...]] = ("GRADIENT",)
    needs: ClassVar[tuple[type[Facts], ...]] = (FinetuneFacts,)

    def __init__(self, *, epochs: int = 0) -> None:
        self.epochs = epochs

    def guess(self, view: View) -> Guess:
        """Record -> probability of class 1, as far as log-odds are calibrated."""
        facts, scores = finetuning(view), []
        for epoch in epochs_of(view)[: self.epochs or None]:
            hints = hinted(facts, epoch.records)
            if len(set(hints.classes)) < 2:
                raise SuiteError(f"{self.name}: hints of both classes are needed, {len(hints.places)} are given")
            scores.append((epoch.records, discriminant(normalised(epoch), hints.places, hints.classes)))
        return squashed(between_hints(scores_by_record(scores), facts))
