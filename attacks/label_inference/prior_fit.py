"""Class shares by the prior that turns a reference model's answers into the party's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.label_inference.prior_estimate import fitted_prior
from attacks.label_inference.reference_answers import Estimate, ReferenceAnswers, look, named
from attacks.toolkit.view import parties_of
from harness.attack import Attack, PopulationFacts, PublicTextFacts

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["PriorFit"]


class PriorFit(Attack):
    """Proportions that turn the reference model's answers into the party's (labels are answers at temperature 0).

    An adaptive attacker puts the defense's temperature and truncation into what it fits.
    """

    name: ClassVar[str] = "prior_fit"
    summary: ClassVar[str] = "class prior that turns a reference model's answers into the party's"
    source: ClassVar[str] = "Bayes' rule; Saerens et al. 2002 (priors of a classifier)"
    secret: ClassVar[str] = "label_distribution"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)
    needs: ClassVar[tuple[type[Facts], ...]] = (
        PopulationFacts,
        PublicTextFacts,
    )

    def guess(self, view: View) -> Guess:
        """Party -> class -> share; parties that are not seen are left out."""
        estimate = self.estimate(view, ReferenceAnswers.of(view))
        looks = look(view, view.transcript, parties_of(view))
        return named(view, {party: estimate(logits) for party, logits in looks.items()})

    def estimate(self, view: View, knowledge: ReferenceAnswers) -> Estimate:
        """The estimate that this attack makes."""
        return lambda logits: fitted_prior(knowledge, logits)
