"""Exposure of a record in the tuned generator of its party."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.candidates import scores_of
from attacks.toolkit.exposure import alternatives, exposure
from attacks.toolkit.generator_questions import AsksGenerators
from attacks.toolkit.view import public_texts
from harness.attack import GeneratorFacts

if TYPE_CHECKING:
    from harness.attack import Candidate, Guess, View

__all__ = ["GeneratorExposure", "like_canary"]


class GeneratorExposure(AsksGenerators):
    """Exposure in bits of a record in the tuned generator of its party, among alternatives that were never inserted.

    What is ranked is the loss that tuning took off: a text that is easy, or hard, for everyone is so for the public
    generator. Alternatives of a canary go on with words of other parties' canaries, those of another record with the
    end of a public text. Needs no shadows.
    """

    name: ClassVar[str] = "generator_exposure"
    summary: ClassVar[str] = "rank of what tuning took off the record's loss, among records never inserted"
    source: ClassVar[str] = "Carlini et al. 2019, The Secret Sharer, section 4"

    def __init__(self, *, references: int = 63, prefix: float = 0.5) -> None:
        super().__init__()
        self.references = references
        self.prefix = prefix

    def texts(self, view: View, candidate: Candidate, rng: np.random.Generator) -> list[str]:
        """The candidate's text and its alternatives."""
        if candidate.id in view.public.need(GeneratorFacts).openings:
            others = like_canary(view, candidate, self.references, rng)
        else:
            others = alternatives(candidate.text, _never_learned(view), self.references, self.prefix, rng)
        return [candidate.text, *others]

    def guess(self, view: View) -> Guess:
        """Bits of exposure, at most ``log2(references + 1)``."""
        table = self.gains(view, view.transcript)
        bits = [exposure(-row[0], -row[1:]) if np.isfinite(row).all() else np.nan for row in table]
        return scores_of(view.candidates, np.array(bits))


def _never_learned(view: View) -> list[str]:
    """Texts on which no generator is tuned in any target: shadow runs are filled with auxiliary records."""
    public = list(public_texts(view.public))
    return public or [record.text for record in view.public.auxiliary]


def like_canary(view: View, canary: Candidate, count: int, rng: np.random.Generator) -> list[str]:
    """``count`` texts that begin as ``canary`` does; every further word is that of a canary of another party at the
    same place, so that they are drawn as canaries are.
    """
    openings = view.public.need(GeneratorFacts).openings
    rests = [
        one.text[len(openings[one.id]) :].split()
        for one in view.candidates
        if one.id in openings and one.party != canary.party
    ]
    own = canary.text[len(openings[canary.id]) :].split()
    columns = [sorted({rest[j] for rest in rests if j < len(rest)} - {word}) or [word] for j, word in enumerate(own)]
    picks = [[column[int(i)] for i in rng.integers(len(column), size=count)] for column in columns]
    return [" ".join([openings[canary.id], *words]) for words in zip(*picks, strict=True)]
