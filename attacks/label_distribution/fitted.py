"""Class proportions against a reference model: the prior fit, black-box shift, and a mixture weighted on shadows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.label_distribution.answers import (
    argmax_histogram,
    hard_labels,
    log_shares,
    mean_softmax,
    nothing_but_labels,
)
from attacks.label_distribution.presence import best_score, crest, gap, learn_presence, peak
from attacks.label_distribution.prior import fit_prior, fit_prior_to_noisy_logits
from attacks.label_distribution.shift import black_box_shift, confusion, fit_response
from attacks.label_distribution.world import World, look, named, parties_of, shadow_looks
from attacks.membership.reading import Memo, numpy_rng
from harness.attack import Attack, Floats

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["BlackBoxShift", "LogitPresence", "LogitShares", "PriorFit"]

Estimate = Callable[[Floats], Floats]
"""Logits ``[rounds, n, classes]`` of a party -> its proportions ``[classes]``."""

ENOUGH = 8
"""Parties of shadow runs, from which on they weigh estimates; classes that are there, and that are not, from which on
presence is learned."""

TRIED = 24
"""Parties of either half that estimates are weighed on at most."""


class PriorFit(Attack):
    """Proportions that turn the reference model's answers into the party's (labels are answers at temperature 0).

    An adaptive attacker puts the defense's temperature and truncation into what it fits.
    """

    name: ClassVar[str] = "prior_fit"
    summary: ClassVar[str] = "class prior that turns a reference model's answers into the party's"
    source: ClassVar[str] = "Bayes' rule; Saerens et al. 2002 (priors of a classifier)"
    secret: ClassVar[str] = "label_distribution"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)

    def guess(self, view: View) -> Guess:
        """Party -> class -> share; parties that are not seen are left out."""
        estimate = self.estimate(view, World.of(view))
        looks = look(view, view.transcript, parties_of(view))
        return named(view, {party: estimate(logits) for party, logits in looks.items()})

    def estimate(self, view: View, world: World) -> Estimate:
        """The estimate that this attack makes."""
        return lambda logits: fitted_prior(world, logits)


class BlackBoxShift(PriorFit):
    """Proportions from labels alone: a confusion matrix is undone, the reference's or what shadow runs respond with."""

    name: ClassVar[str] = "black_box_shift"
    summary: ClassVar[str] = "histogram of the party's labels through an inverted confusion matrix"
    source: ClassVar[str] = "Lipton, Wang, Smola 2018"

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows

    def estimate(self, view: View, world: World) -> Estimate:
        """Black-box shift estimation."""
        return _shift(world, list(shadow_looks(view, self.shadows)), numpy_rng(view))


class LogitShares(PriorFit):
    """The mixture of all estimates in this folder that is nearest to the truth on shadow runs; without, the prior fit.

    Which estimate is good depends on how hard the task is, on noisy labels and on the defense: the shadows know.
    """

    name: ClassVar[str] = "logit_shares"
    summary: ClassVar[str] = "mixture of all estimates of the label distribution, weighted on shadow runs"
    source: ClassVar[str] = "Shi et al. 2025; Lipton et al. 2018; Saerens et al. 2002; stacking after Wolpert 1992"

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows

    def estimate(self, view: View, world: World) -> Estimate:
        """A mixture; estimates that learn from shadows are weighted on others than they learned from, half by half."""
        looks, rng = list(shadow_looks(view, self.shadows)), numpy_rng(view)
        known = [looks[i] for i in rng.permutation(len(looks))]
        if len(known) < ENOUGH:
            return lambda logits: fitted_prior(world, logits)
        halves = known[: len(known) // 2], known[len(known) // 2 :]
        found = [_weights(_options(world, a, rng), b[:TRIED]) for a, b in (halves, halves[::-1])]
        weights = {name: sum(some.get(name, 0.0) for some in found) / 2 for name in {**found[0], **found[1]}}
        options = _options(world, known, rng)
        return lambda logits: np.sum([w * options[name](logits) for name, w in weights.items()], axis=0)


class LogitPresence(Attack):
    """Classes that a party has: the most that it ever says for a class, on whichever public text.

    An adaptive attacker learns from shadow runs, which carry the defense, which score tells the classes that are there,
    that peak, a steadier one, or the log-odds of a class on its own texts, and where its threshold lies: a temperature,
    say, draws classes that are there and others together.
    """

    name: ClassVar[str] = "logit_presence"
    summary: ClassVar[str] = "the party's largest answer for each class on any public text"
    source: ClassVar[str] = "class-absence form of Shi et al. 2025; the largest answer: this project"
    secret: ClassVar[str] = "class_presence"
    reads: ClassVar[tuple[str, ...]] = ("LOGITS",)

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows
        self.memo = Memo()

    def guess(self, view: View) -> Guess:
        """Party -> class -> score, larger for present."""
        world = self.memo.of(view.public, lambda: World.of(view))
        score = self._learned(view, world) if view.adaptive else None
        looks = look(view, view.transcript, parties_of(view))
        found = {party: _presence(world, logits) for party, logits in looks.items()}
        return named(view, {party: rows[0] if score is None else score(rows) for party, rows in found.items()})

    def _learned(self, view: View, world: World) -> Estimate | None:
        """What shadow runs teach; None where they have too few classes that are there, or too few that are not."""
        known = [(_presence(world, logits), shares > 0) for logits, shares in shadow_looks(view, self.shadows)]
        present = np.concatenate([np.zeros(0, dtype=bool), *(has for _, has in known)])
        if min(int(present.sum()), int((~present).sum())) < ENOUGH:
            return None
        rows = np.concatenate([scores for scores, _ in known], axis=1)
        best = best_score(list(rows), present)
        threshold = learn_presence(rows[best], present)
        return lambda scores: threshold(scores[best])


def _presence(world: World, logits: Floats) -> Floats:
    """Scores ``[3, classes]``, the one to take without shadows first."""
    logs = log_shares(logits)
    return np.stack([peak(logs), crest(logs), gap(logs.mean(0), world.reference)])


def fitted_prior(world: World, logits: Floats) -> Floats:
    """The prior fit on the mean of all rounds' answers, at the defense's temperature, or 0 for nothing but labels.

    The evidence is fitted, too: parties of few records and noisy labels learn less of a text than the reference does.
    """
    logs = log_shares(logits, share_of_rest=world.rest(logits))
    if nothing_but_labels(logs):  # a vote's weight is no confidence
        votes = (logs == logs.max(-1, keepdims=True)).mean(0)
        return fit_prior(votes, world.reference, world.prior, temperature=None, evidence=True)
    shares = np.exp(logs).mean(0)
    return fit_prior(shares, world.reference, world.prior, temperature=world.temperature, evidence=True)


def _options(world: World, known: Sequence[tuple[Floats, Floats]], rng: np.random.Generator) -> dict[str, Estimate]:
    def by(fit: Callable[[Floats], Floats]) -> Estimate:
        return lambda logits: fit(np.exp(log_shares(logits, share_of_rest=world.rest(logits))).mean(0))

    reference, prior = world.reference, world.prior
    return {
        "prior": lambda logits: fitted_prior(world, logits),
        "first": lambda logits: fitted_prior(world, logits[:1]),
        "temperature": by(lambda shares: fit_prior(shares, reference, prior, temperature=None)),
        "equal": by(lambda shares: fit_prior(shares, reference, prior, temperature=world.temperature)),
        "logits": lambda logits: fit_prior_to_noisy_logits(_bounded(logits).mean(0), reference, prior),
        "mean": mean_softmax,
        "histogram": lambda logits: argmax_histogram(hard_labels(logits, rng), world.classes),
        "shift": _shift(world, known, rng),
    }


def _shift(world: World, known: Sequence[tuple[Floats, Floats]], rng: np.random.Generator) -> Estimate:
    matrix = confusion(world.reference.argmax(1), world.topics, world.classes)

    def histogram(logits: Floats) -> Floats:
        return argmax_histogram(hard_labels(logits, rng), world.classes)

    if known:
        matrix = fit_response(np.stack([histogram(x) for x, _ in known]), np.stack([y for _, y in known]), matrix)
    return lambda logits: black_box_shift(histogram(logits), matrix)


def _bounded(logits: Floats) -> Floats:
    return np.asarray(np.maximum(logits, logits.max(-1, keepdims=True) - 30.0), dtype=np.float64)


def _weights(options: Mapping[str, Estimate], known: Sequence[tuple[Floats, Floats]]) -> dict[str, float]:
    """Non-negative weights, summing to 1, of the mixture that is nearest to the truth in least squares."""
    from scipy.optimize import nnls

    guesses = np.stack([np.concatenate([fit(logits) for logits, _ in known]) for fit in options.values()], axis=1)
    truth, heavy = np.concatenate([shares for _, shares in known]), 1e3
    rows = np.vstack([guesses, np.full((1, len(options)), heavy)])
    found, _ = nnls(rows, np.append(truth, heavy))
    return {name: float(w / found.sum()) for name, w in zip(options, found, strict=True) if w > 0}
