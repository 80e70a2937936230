"""Does an attribute prevail among a party's records? A probe on its prototypes, trained on means of own records."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.prototype.attribute import fit_mean_probe, simulated_means
from attacks.prototype.reading import class_moments, embeddings, labels_of, parties_of, prototypes
from attacks.prototype.space import averaged, declared_variance
from harness.attack import Attack, Floats, SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["PrototypeProperty"]


class PrototypeProperty(Attack):
    """Logistic probe on what is left of prototypes after their class's mean; needs no shadow runs.

    It learns from means of ``count`` auxiliary records of which ``shares`` have the attribute; a party's score is
    the sum of its prototypes' log-odds. In the adaptive variant the means carry the declared noise.
    """

    name: ClassVar[str] = "prototype_property"
    summary: ClassVar[str] = "probe for a prevailing attribute, trained on simulated class means"
    source: ClassVar[str] = "Ganju et al. 2018 (property inference); probes of Song and Raghunathan 2020, section 5"
    secret: ClassVar[str] = "property"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def __init__(
        self, *, attribute: str = "planted", count: int = 5, shares: tuple[float, float] = (0.2, 0.8), draws: int = 1000
    ) -> None:
        self.attribute = attribute
        self.count = count
        self.shares = (float(shares[0]), float(shares[1]))
        self.draws = draws

    def guess(self, view: View) -> Guess:
        """Party -> log-odds that the attribute prevails."""
        labels, models = labels_of(view.public), class_moments(view)
        found = prototypes(view.transcript, labels)
        rng = np.random.default_rng(int(view.rng.initial_seed()) % 2**63)
        x, y = simulated_means(*self._residuals(view), self.count, self.shares, self.draws, rng)
        probe = fit_mean_probe(x, y, noise=declared_variance(view), rng=rng)
        scores: dict[str, float] = {}
        for party in parties_of(view):
            sent = {c: averaged(found, party, c) for c in labels if c in models}
            rows = [pair[0] - models[c].mean for c, pair in sent.items() if pair is not None]
            scores[party] = float(probe.decision_function(np.stack(rows)).sum()) if rows else 0.0
        return scores

    def _residuals(self, view: View) -> tuple[Floats, list[int]]:
        """Auxiliary embeddings around their class mean, and their attribute."""
        models = class_moments(view)
        known = [r for r in view.public.auxiliary if self.attribute in r.attributes and r.label is not None]
        if len({r.attributes[self.attribute] for r in known}) < 2:
            raise SuiteError(f"prototype_property: no auxiliary records show both values of {self.attribute!r}")
        means = np.stack([models[str(r.label)].mean for r in known])
        return embeddings(view, [r.text for r in known]) - means, [int(r.attributes[self.attribute]) for r in known]
