"""Exposure of a record in synthetic texts: its rank among alternatives that were never inserted; needs no shadows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.reading import by_party
from attacks.synthetic_text.echo import BigramModel
from attacks.synthetic_text.exposure import exposure
from attacks.synthetic_text.reading import Released
from harness.attack import Attack, SuiteError

if TYPE_CHECKING:
    from harness.attack import Guess, View

__all__ = ["EchoExposure", "alternatives"]


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
        rng = np.random.default_rng(int(view.rng.initial_seed()) % 2**63)
        scores: dict[str, float] = {}
        for party, rows in by_party(view.candidates).items():
            model = BigramModel(released.about(party))
            for one in (view.candidates[row] for row in rows):
                others = alternatives(one.text, pool, self.references, self.prefix, rng)
                losses = np.array([-model.log_probability(other) for other in others])
                scores[one.id] = exposure(-model.log_probability(one.text), losses)
        return scores


def alternatives(text: str, pool: list[str], count: int, prefix: float, rng: np.random.Generator) -> list[str]:
    """``count`` texts that share the first ``prefix`` of the words of ``text``; the rest are ends of ``pool`` texts."""
    tokens = text.split()
    kept = max(round(prefix * len(tokens)), 1)
    found = []
    for index in rng.integers(len(pool), size=count):
        other = pool[int(index)].split()
        tail = (other * (len(tokens) // max(len(other), 1) + 1))[-max(len(tokens) - kept, 1) :]
        found.append(" ".join([*tokens[:kept], *tail]))
    return found
