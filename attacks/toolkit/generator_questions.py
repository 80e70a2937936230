"""Questions to the tuned generators of all parties, and their answers, made once for every target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.toolkit.candidates import by_party
from attacks.toolkit.generators import Asked, gains, public_losses
from attacks.toolkit.memo import Memo
from attacks.toolkit.view import numpy_rng
from harness.attack import Attack, Floats, GeneratorFacts

if TYPE_CHECKING:
    from harness.attack import Candidate, Facts, SeenMessage, View

__all__ = ["AsksGenerators"]


@dataclass(frozen=True)
class _Questions:
    """Texts that every party's generator is asked about, and what the public generator says of them."""

    asked: dict[str, list[Asked]]
    base: dict[str, Floats]


class AsksGenerators(Attack):
    """Base of attacks that ask tuned generators: questions, public losses and the answers of each run are made once."""

    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)
    needs: ClassVar[tuple[type[Facts], ...]] = (GeneratorFacts,)

    def __init__(self) -> None:
        self.questions, self.answers = Memo(), Memo()

    def texts(self, view: View, candidate: Candidate, rng: np.random.Generator) -> list[str]:
        """Texts asked about a candidate, its own first; of each candidate as many."""
        return [candidate.text]

    def gains(self, view: View, transcript: Sequence[SeenMessage]) -> Floats:
        """``[c, k]``: what tuning in that run took off the loss of each candidate's ``k`` texts; NaN where nothing was
        sent.
        """
        questions = self.questions.of(view.candidates, lambda: self._questions(view))
        return self.answers.of(transcript, lambda: self._answers(view, transcript, questions))

    def _questions(self, view: View) -> _Questions:
        prompts, rng = view.public.need(GeneratorFacts).prompts, numpy_rng(view)
        asked: dict[str, list[Asked]] = {}
        for candidate in view.candidates:
            prompt = prompts[candidate.party][str(candidate.label)]
            asked.setdefault(candidate.party, []).extend((prompt, text) for text in self.texts(view, candidate, rng))
        return _Questions(asked, public_losses(view, asked))

    def _answers(self, view: View, transcript: Sequence[SeenMessage], questions: _Questions) -> Floats:
        gained = gains(view, transcript, questions.asked, questions.base)
        width = sum(map(len, questions.asked.values())) // len(view.candidates)
        table = np.full((len(view.candidates), width), np.nan)
        for party, rows in by_party(view.candidates).items():
            if party in gained:
                table[rows] = gained[party].reshape(len(rows), width)
        return table
