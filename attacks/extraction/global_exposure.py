"""Exposure of a record in the global models: its rank among alternatives that nobody trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from attacks.toolkit.candidates import scores_of
from attacks.toolkit.exposure import alternatives, exposure
from attacks.toolkit.memo import Memo
from attacks.toolkit.readers.global_models import Asker, global_states
from attacks.toolkit.view import seeded_rng
from harness.attack import Attack, Floats, GradientFacts, PopulationFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Facts, Guess, Score, View

__all__ = ["GlobalExposure"]


class GlobalExposure(Attack):
    """Exposure in bits of a record in the last global model, or in ``every`` one of them: then its mean counts.

    What is ranked is the confidence that the rounds added: a text that is easy, or hard, for everyone is so for the
    public start. Alternatives of a record begin as it does, have its label and end as an auxiliary record. Needs no
    shadow runs.
    """

    name: ClassVar[str] = "global_exposure"
    summary: ClassVar[str] = "rank of what the rounds added to the confidence in a record, among records never inserted"
    source: ClassVar[str] = "Carlini et al. 2019, The Secret Sharer, section 4"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GradientFacts, PopulationFacts)

    def __init__(self, *, references: int = 31, prefix: float = 0.5, every: bool = False) -> None:
        self.references, self.prefix, self.every = references, prefix, every
        self.askers = Memo()
        self._live: dict[str, list[float]] = {}

    def guess(self, view: View) -> Guess:
        """Bits of exposure, at most ``log2(references + 1)``."""
        pool = [record.text for record in view.public.auxiliary]
        if not pool:
            raise SuiteError("global_exposure draws alternatives from auxiliary records: the scenario gives none")
        rng, states = seeded_rng(view), global_states(view.transcript)
        asked = [
            (text, one.label)
            for one in view.candidates
            for text in [one.text, *alternatives(one.text, pool, self.references, self.prefix, rng)]
        ]
        asker = self.askers.of(view.candidates, lambda: Asker(view.public))
        gained = asker.gains(states if self.every else states[-1:], asked)
        table = gained.reshape(len(gained), len(view.candidates), self.references + 1)
        bits = np.array([[exposure(-row[0], -row[1:]) for row in model] for model in table])
        # The live run is the first target that an attack is asked about.
        self._live = self._live or {one.id: bits[:, k].tolist() for k, one in enumerate(view.candidates)}
        return scores_of(view.candidates, bits.mean(0))

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        """Mean bits in each global model of the live run that was looked at, of candidates inside and outside."""
        labels = {s.record.partition(":")[2]: s.value for s in scores if s.metric == "label" and s.record[:2] == "0:"}
        return {
            name: mean_bits([bits for one, bits in self._live.items() if labels.get(one) == wanted])
            for name, wanted in (("bits_inside", 1.0), ("bits_outside", 0.0))
        }


def mean_bits(rows: Sequence[Sequence[float]]) -> list[float]:
    """Column means; none of no rows."""
    table: Floats = np.array(rows, dtype=np.float64)
    return [round(float(value), 4) for value in table.mean(0)] if len(rows) else []
