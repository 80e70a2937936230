"""Exposure of a record in synthetic texts: its rank among alternatives that were never inserted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.candidates import by_party
from attacks.toolkit.echo import BigramModel
from attacks.toolkit.exposure import alternatives, exposure
from attacks.toolkit.readers.synthetic_texts import Released
from attacks.toolkit.view import seeded_rng
from harness.attack import Attack, SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["EchoExposure"]


class EchoExposure(Attack):
    """Exposure in bits with the bigram signal in place of the generator's loss, which nobody outside can ask for.

    Alternatives of a record begin as it does and go on with words drawn from auxiliary texts.
    """

    name: ClassVar[str] = "echo_exposure"
    summary: ClassVar[str] = "rank of the record's bigram likelihood among records that were never inserted"
    source: ClassVar[str] = "Carlini et al. 2019, The Secret Sharer, section 4; signal of Meeus et al. 2025"
    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("SYNTHETIC_TEXT",)

    def __init__(self, *, references: int = 63, prefix: float = 0.5) -> None:
        self.references = references
        self.prefix = prefix

    def guess(self, view: View) -> Guess:
        """Bits of exposure, at most ``log2(references + 1)``."""
        released, pool = Released.of(view.transcript), [record.text for record in view.public.auxiliary]
        if not pool:
            raise SuiteError("echo_exposure draws alternatives from auxiliary records: the scenario gives none")
        rng = seeded_rng(view)
        scores: dict[str, float] = {}
        for party, rows in by_party(view.candidates).items():
            model = BigramModel(released.about(party))
            for candidate in (view.candidates[row] for row in rows):
                others = alternatives(candidate.text, pool, self.references, self.prefix, rng)
                losses = np.array([-model.log_probability(other) for other in others])
                scores[candidate.id] = exposure(-model.log_probability(candidate.text), losses)
        return scores
