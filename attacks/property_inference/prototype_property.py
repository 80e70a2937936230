"""Property of a party's dataset from its prototypes, by a probe trained on means of the attacker's own records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from attacks.toolkit.prototype_space.moments import class_moments
from attacks.toolkit.prototype_space.space import averaged, declared_variance
from attacks.toolkit.readers.prototypes import prototypes
from attacks.toolkit.view import embeddings, labels_of, parties_of, seeded_rng
from harness.attack import Attack, DataError, Floats, PopulationFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, View

__all__ = ["PrototypeProperty", "fit_mean_probe", "simulated_means"]


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
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts,)

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
        sent_by_all = prototypes(view.transcript, labels)
        rng = seeded_rng(view)
        x, y = simulated_means(*self._residuals(view), self.count, self.shares, self.draws, rng)
        probe = fit_mean_probe(x, y, noise=declared_variance(view), rng=rng)
        scores: dict[str, float] = {}
        for party in parties_of(view):
            sent = {c: averaged(sent_by_all, party, c) for c in labels if c in models}
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


def simulated_means(
    embeddings: Floats,
    attribute: Sequence[int],
    count: int,
    shares: tuple[float, float],
    draws: int,
    rng: np.random.Generator,
) -> tuple[Floats, list[int]]:
    """``draws`` means of ``count`` records and their labels: of label k a share ``shares[k]`` has the attribute.

    Records are drawn with replacement where there are too few. Raises DataError where no record has the attribute,
    or all have it.
    """
    marks = np.asarray(attribute)
    pools = [np.flatnonzero(marks == value) for value in (0, 1)]
    if not all(map(len, pools)):
        raise DataError("the auxiliary records do not show both values of the attribute: give other ones")
    labels = [draw % 2 for draw in range(draws)]
    means = [_one_mean(embeddings, pools, count, shares[label], rng) for label in labels]
    return np.stack(means), labels


def fit_mean_probe(
    means: Floats,
    labels: Sequence[int],
    *,
    noise: float = 0.0,
    rng: np.random.Generator | None = None,
    inverse_penalty: float = 0.1,
) -> Any:
    """Logistic regression on means (``predict_proba(prototypes)[:, 1]``), through noise of variance ``noise``."""
    import torch

    from attacks.toolkit.probe import fit_probe

    if noise > 0:
        if rng is None:
            raise DataError("a probe through noise needs a generator: pass rng")
        means = means + rng.normal(scale=noise**0.5, size=means.shape)
    return fit_probe(torch.from_numpy(means), labels, inverse_penalty)


def _one_mean(
    embeddings: Floats, pools: Sequence[np.ndarray[Any, Any]], count: int, share: float, rng: np.random.Generator
) -> Floats:
    ones = int(rng.binomial(count, share))
    rows = [_draw(pool, size, rng) for pool, size in zip(pools, (count - ones, ones), strict=True)]
    mean: Floats = embeddings[np.concatenate(rows)].mean(0)
    return mean


def _draw(pool: np.ndarray[Any, Any], size: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    return rng.choice(pool, size, replace=size > len(pool))
