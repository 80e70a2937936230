"""Membership from synthetic texts alone: the canary's echo, calibrated by reference runs, as an attack on a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.evidence import scores_of
from attacks.membership.reading import Memo, by_party
from attacks.membership.rounds import fit_weights
from attacks.synthetic_text.calibration import MINIMUM, likelihood_calibrated, ratio_calibrated
from attacks.synthetic_text.echo import bigram_signal, cosine_signal, jaccard_signal
from attacks.synthetic_text.reading import Released
from harness.attack import Attack, Floats, Mask, SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, SeenMessage, View

__all__ = ["CanaryEcho"]

SIGNALS = ("bigram", "jaccard", "cosine")
CALIBRATIONS = ("likelihood", "ratio", "none")
TINY = 1e-3


class CanaryEcho(Attack):
    """How strongly a candidate echoes in the synthetic texts of its party.

    ``signals``: the bigram likelihood, the word overlap with the nearest texts, the cosine to the nearest texts; of
    several the weighted sum that separates members best in the reference runs. ``calibration`` against at least
    four reference runs (shadows): ``likelihood`` (LiRA) or ``ratio`` (RMIA); ``none`` uses none and sums ranks.
    """

    name: ClassVar[str] = "canary_echo"
    summary: ClassVar[str] = "bigram and similarity signals of a record in released texts, against reference runs"
    source: ClassVar[str] = "Meeus et al. 2025, The Canary's Echo, section 4"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("SYNTHETIC_TEXT",)

    def __init__(
        self, *, signals: tuple[str, ...] = ("bigram", "jaccard"), calibration: str = "likelihood", shadows: int = 16
    ) -> None:
        odd = [one for one in signals if one not in SIGNALS]
        if odd or not signals or calibration not in CALIBRATIONS:
            raise SuiteError(
                f"canary_echo: signals {list(signals)} of {', '.join(SIGNALS)}; calibration {calibration!r} of "
                f"{', '.join(CALIBRATIONS)}"
            )
        self.signals = tuple(signals)
        self.calibration = calibration
        self.shadows = shadows
        self.seen = Memo()

    def guess(self, view: View) -> Guess:
        """A score for every candidate; the median where its party wrote nothing, in this run or in a reference run."""
        live = self._remembered(view, view.transcript)
        if self.calibration == "none":
            return scores_of(view.candidates, _ranks(live).mean(1))
        shadows = view.shadows(self.shadows)
        if len(shadows) < MINIMUM:
            raise SuiteError(
                f"canary_echo calibrates by at least {MINIMUM} reference runs and has {len(shadows)}: raise "
                "shadow_budget, or set calibration to none"
            )
        known = np.stack([self._remembered(view, shadow.transcript) for shadow in shadows])
        members = np.array([[shadow.members[c.id] for c in view.candidates] for shadow in shadows])
        usable, scores = np.isfinite(known).all((0, 2)) & np.isfinite(live).all(1), np.full(len(live), np.nan)
        if usable.any():
            scores[usable] = self._calibrated(live[usable], known[:, usable], members[:, usable])
        return scores_of(view.candidates, scores)

    def _remembered(self, view: View, transcript: Sequence[SeenMessage]) -> Floats:
        """Every run is looked at once, and not again for each of the other targets."""
        return self.seen.of(transcript, lambda: self._looks(view, transcript))

    def _looks(self, view: View, transcript: Iterable[SeenMessage]) -> Floats:
        """Signals ``[c, k]`` of every candidate in one run, on a log scale; NaN where a party wrote nothing."""
        released, found = Released.of(transcript), np.full((len(view.candidates), len(self.signals)), np.nan)
        alike: dict[tuple[str, ...], list[int]] = {}  # a reader has the same texts about every party
        for party, rows in by_party(view.candidates).items():
            alike.setdefault(released.about(party), []).extend(rows)
        for texts, some in alike.items():
            canaries = [view.candidates[i].text for i in some]
            for column, signal in enumerate(self.signals if texts else ()):
                found[some, column] = _signal(view, signal, canaries, texts)
        return found

    def _calibrated(self, live: Floats, known: Floats, members: Mask) -> Floats:
        mixed = bool((members.any(0) & ~members.all(0)).any())
        weights = fit_weights(known, members) if mixed and live.shape[1] > 1 else np.ones(live.shape[1])
        if self.calibration == "likelihood" and mixed:
            return likelihood_calibrated(live @ weights, known @ weights, members)
        return ratio_calibrated(live @ weights, known @ weights)


def _signal(view: View, name: str, canaries: list[str], texts: tuple[str, ...]) -> Floats:
    similar: Mapping[str, Callable[[], Floats]] = {
        "jaccard": lambda: jaccard_signal(canaries, texts),
        "cosine": lambda: cosine_signal(*(view.embed(list(x)).double().numpy() for x in (canaries, texts))),
    }
    if name == "bigram":
        return bigram_signal(canaries, texts)
    found: Floats = np.log(np.maximum(similar[name](), 0.0) + TINY)
    return found


def _ranks(looks: Floats) -> Floats:
    """Each column's ranks, equal values at their mean rank; NaN stays."""
    from scipy.stats import rankdata

    found: Floats = np.asarray(rankdata(looks, axis=0, nan_policy="omit"), dtype=np.float64)
    return found
