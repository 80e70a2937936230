"""Where a run's prototypes live, and under how much noise: learned on shadow runs, whose members are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from attacks.prototype.align import Aligner, fit_aligner, identity
from attacks.prototype.drift import excess_covariance, own_part
from attacks.prototype.membership import ReleaseTest
from attacks.prototype.moments import Moments
from attacks.prototype.reading import Prototype, distinct, labels_of, of_class, prototypes
from harness.attack import SERVER, Floats, SuiteError

if TYPE_CHECKING:
    from harness.attack import Candidate, Shadow, View

__all__ = [
    "Pair",
    "Space",
    "averaged",
    "declared_variance",
    "known_count",
    "learn_space",
    "public_space",
    "shadow_pairs",
]

CLEARLY = 0.5
"""Part of the public space's residuals below which those of a learned map must be: it has many more parameters."""

STRUCTURED = 0.25
"""Part of the residuals' variance that offsets must explain, for training to be what moved prototypes."""

FEWEST = 20
"""Pairs from which on a map is learned at all."""


@dataclass(frozen=True)
class Pair:
    """A prototype of a shadow run, averaged over rounds, beside what the attacker knows of the records behind it."""

    owner: str
    """The party, in which shadow run."""
    label: str
    count: float
    expected: Floats
    """Mean public embedding, members known and all others at their class mean."""
    unknown: int
    """Records that are only known to be of the class."""
    vector: Floats


@dataclass(frozen=True)
class Space:
    """Map from public embeddings to prototypes, and the noise of a prototype (averaged over its rounds).

    The noise's variance is ``always + per_record / n^2`` on every coordinate (a clipped mean's noise shrinks with
    n), in place of it the aligner's own error where a map was learned.
    """

    aligner: Aligner
    always: float = 0.0
    per_record: float = 0.0
    learned: bool = False
    centred: bool = False
    """Whether what a party's prototypes have in common, beyond their classes' means, is its own doing: taken out."""

    def moments(self, models: Mapping[str, Moments]) -> Mapping[str, Moments]:
        """Classes' moments in this space."""
        return self.aligner.moments(models) if self.learned else models

    def tests(self, models: Mapping[str, Moments]) -> dict[str, ReleaseTest]:
        """Classes' membership tests in this space, for ``scale = self.scale(count)``."""
        mapped = self.moments(models)
        kinds = {id(model.covariance): model for model in mapped.values()}
        shared = {key: ReleaseTest.of(model, self._noise(model)) for key, model in kinds.items()}
        return {name: replace(shared[id(model.covariance)], mean=model.mean) for name, model in mapped.items()}

    def _noise(self, model: Moments) -> Floats | float:
        if not self.learned:
            return 1.0
        slack = 1e-9 * (np.trace(self.aligner.error) + model.trace) / len(model.mean) + 1e-12
        return np.asarray(self.aligner.error + slack * np.eye(len(model.mean)))

    def scale(self, count: float) -> float:
        """What multiplies the test's noise for a prototype of ``count`` records."""
        return 1.0 if self.learned else self.always + self.per_record / count**2

    @property
    def law(self) -> tuple[float, float]:
        """``(always, per_record)`` of a coordinate, for rules that take noise to be isotropic."""
        if self.learned:
            return float(np.trace(self.aligner.error)) / len(self.aligner.bias), 0.0
        return self.always, self.per_record

    def variance(self, count: float) -> float:
        """Noise variance of a coordinate of a prototype of ``count`` records."""
        always, per_record = self.law
        return always + per_record / count**2


def public_space(size: int, noise: float = 0.0) -> Space:
    """Prototypes that are means of public embeddings, under isotropic noise of that variance."""
    return Space(identity(size), always=noise)


def averaged(found: Sequence[Prototype], party: str, label: str) -> tuple[Floats, float | None] | None:
    """A class's prototype averaged over its :func:`distinct` vectors, and its count where it was sent; None where it
    never was."""
    sent = of_class(found, party, label)
    if not sent:
        return None
    return distinct(sent).mean(0), sent[-1].count


def declared_variance(view: View) -> float:
    """Variance per coordinate of the :func:`averaged` prototypes that the defense declares; 0 if oblivious.

    A defense may send the same noise in every round, which then does not average out: the variance of one release is
    divided by the usual number of different vectors of a class.
    """
    laws = [law.scale**2 for law in view.defense.laws if law.name == "gaussian"] if view.adaptive else []
    live = prototypes(view.transcript, labels_of(view.public))
    sent: dict[tuple[str, str], list[Prototype]] = {}
    for one in [p for p in live if p.party != SERVER] or live:
        sent.setdefault((one.party, one.label), []).append(one)
    return float(sum(laws)) / median([len(distinct(some)) for some in sent.values()] or [1])


def known_count(truth: Mapping[str, Any], party: str, label: str, labels: Sequence[str]) -> float | None:
    """The class count that a scenario tells of a shadow, from ``truth["counts"][party]`` (by name or in order)."""
    counts = truth.get("counts", {}).get(party)
    if counts is None:
        return None
    return float(counts.get(label, 0) if isinstance(counts, Mapping) else counts[labels.index(label)])


def shadow_pairs(
    shadows: Sequence[Shadow], candidates: Sequence[Candidate], points: Floats, models: Mapping[str, Moments],
    labels: Sequence[str],
) -> list[Pair]:  # fmt: skip
    """All pairs of the shadow runs; ``points [m, d]`` are the candidates' public embeddings."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, one in enumerate(candidates):
        groups.setdefault((one.party, str(one.label)), []).append(index)
    numbered = [(f"{number}", shadow) for number, shadow in enumerate(shadows)]
    return [
        pair
        for number, shadow in numbered
        for pair in _pairs_of(number, shadow, groups, candidates, points, models, labels)
    ]


def _pairs_of(
    number: str, shadow: Shadow, groups: Mapping[tuple[str, str], Sequence[int]], candidates: Sequence[Candidate],
    points: Floats, models: Mapping[str, Moments], labels: Sequence[str],
) -> Iterator[Pair]:  # fmt: skip
    found = prototypes(shadow.transcript, labels)
    for party, label in dict.fromkeys((p.party, p.label) for p in found):
        sent = averaged(found, party, label)
        if sent is None or label not in models:
            continue
        vector, told = sent
        known = known_count(shadow.truth, party, label, labels)
        count = told if known is None else known  # what a defense sends may be noise, or a dummy of no record at all
        inside = [i for i in groups.get((party, label), ()) if shadow.members[candidates[i].id]]
        if count is None or count < max(1, len(inside)):
            continue
        rest = int(count) - len(inside)
        expected = (points[inside].sum(0) + rest * models[label].mean) / count
        yield Pair(f"{number}/{party}", label, count, expected, rest, vector)


def learn_space(
    pairs: Sequence[Pair], models: Mapping[str, Moments], sizes: tuple[int, ...], fallback: Space
) -> Space:  # fmt: skip
    """The space that explains ``pairs``: the public one with fitted noise, or a learned map where that fits better.

    ``sizes`` are the dimensions of public embeddings, then those seen among prototypes. Without enough pairs the
    answer is ``fallback``, if they agree.

    Raises:
        SuiteError: prototypes have another size than public embeddings, and there are too few pairs to learn a map.
    """
    size, same = sizes[0], len(set(sizes)) == 1
    if len(pairs) < FEWEST:
        if not same:
            raise SuiteError(
                f"prototypes are not of the public encoder's {size} dimensions, and {len(pairs)} shadow prototypes are "
                f"too few to learn a map ({FEWEST} needed): raise the shadow budget"
            )
        return fallback
    z, p = np.stack([pair.expected for pair in pairs]), np.stack([pair.vector for pair in pairs])
    learned = fit_aligner(z, p)
    if not same or float(np.trace(learned.error)) < CLEARLY * _left(pairs, p - z):
        return Space(learned, learned=True)
    return drifted(pairs, p - z, models) or _public_noise(pairs, p - z, models, size)


def _left(pairs: Sequence[Pair], residuals: Floats) -> float:
    """Mean square of ``residuals`` without offsets."""
    alone = own_part(residuals - residuals.mean(0), [pair.owner for pair in pairs])
    return float((alone**2).sum(1).mean())


def drifted(pairs: Sequence[Pair], residuals: Floats, models: Mapping[str, Moments]) -> Space | None:
    """The public space moved by training: by the same offset everywhere, by one of each party's own, and the rest.

    None where these explain too little of the residuals for training to have moved the encoder at all.
    """
    sampling = [(models[p.label].covariance, p.unknown / p.count**2) for p in pairs]
    offset = residuals.mean(0)
    plain = residuals - offset
    alone = own_part(plain, [pair.owner for pair in pairs])
    sizes = [float(np.trace(excess_covariance(x, sampling))) for x in (residuals, plain, alone)]
    drawn = float(np.mean([factor * np.trace(matrix) for matrix, factor in sampling]))
    if sizes[0] <= STRUCTURED * drawn or sizes[2] > (1 - STRUCTURED) * sizes[0]:
        return None
    centred = sizes[2] < (1 - STRUCTURED) * sizes[1]
    error = excess_covariance(alone if centred else plain, sampling)
    return Space(Aligner(np.eye(len(offset)), offset, error), learned=True, centred=centred)


def _public_noise(pairs: Sequence[Pair], residuals: Floats, models: Mapping[str, Moments], size: int) -> Space:
    """Noise of prototypes in the public space: residuals beyond the sampling of unknown records, by 1 and 1 / n^2."""
    from scipy.optimize import nnls

    sampling = np.array([models[p.label].trace * p.unknown / p.count**2 for p in pairs])
    excess = ((residuals**2).sum(1) - sampling) / size
    design = np.array([[1.0, 1 / p.count**2] for p in pairs])
    always, per_record = nnls(design, excess)[0]
    return Space(identity(size), float(always), float(per_record))
