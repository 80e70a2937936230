"""Membership where the tuned generator can be asked for losses: exposure of a record, and its likelihood ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from attacks.membership.evidence import scores_of
from attacks.membership.reading import Memo, by_party, numpy_rng
from attacks.synthetic_text.calibration import MINIMUM, likelihood_calibrated
from attacks.synthetic_text.echo_exposure import alternatives
from attacks.synthetic_text.exposure import exposure
from attacks.synthetic_text.generators import Asked, gains, public_losses
from harness.attack import Attack, Floats, SuiteError

if TYPE_CHECKING:
    from harness.attack import Candidate, Guess, Public, SeenMessage, View

__all__ = ["GeneratorExposure", "GeneratorLira", "like_canary"]


@dataclass(frozen=True)
class _Questions:
    """Texts that every party's generator is asked about, and what the public generator says of them."""

    asked: dict[str, list[Asked]]
    base: dict[str, Floats]


class _Asking(Attack):
    """What both attacks share: questions and public losses are made once, and so are the answers of each run."""

    secret: ClassVar[str] = "membership"
    reads: ClassVar[tuple[str, ...]] = ("PARAMETERS",)

    def __init__(self) -> None:
        self.questions, self.answers = Memo(), Memo()

    def refuses(self, public: Public) -> str | None:
        """The prompts of the generators have to be known."""
        return None if "prompts" in public.facts else "this deployment says nothing of generators and their prompts"

    def texts(self, view: View, candidate: Candidate, rng: np.random.Generator) -> list[str]:
        """What is asked about a candidate, of each as many texts; its own comes first."""
        return [candidate.text]

    def gains(self, view: View, transcript: Sequence[SeenMessage]) -> Floats:
        """``[c, k]``: what tuning in that run took off the loss of each candidate's ``k`` texts; NaN where nothing was
        sent."""
        questions = self.questions.of(view.candidates, lambda: self._questions(view))
        return self.answers.of(transcript, lambda: self._answers(view, transcript, questions))

    def _questions(self, view: View) -> _Questions:
        prompts, rng = view.public.facts["prompts"], numpy_rng(view)
        asked: dict[str, list[Asked]] = {}
        for one in view.candidates:
            prompt = prompts[one.party][str(one.label)]
            asked.setdefault(one.party, []).extend((prompt, text) for text in self.texts(view, one, rng))
        return _Questions(asked, public_losses(view, asked))

    def _answers(self, view: View, transcript: Sequence[SeenMessage], questions: _Questions) -> Floats:
        found = gains(view, transcript, questions.asked, questions.base)
        width = sum(map(len, questions.asked.values())) // len(view.candidates)
        table = np.full((len(view.candidates), width), np.nan)
        for party, rows in by_party(view.candidates).items():
            if party in found:
                table[rows] = found[party].reshape(len(rows), width)
        return table


class GeneratorExposure(_Asking):
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
        if candidate.id in view.public.facts.get("openings", {}):
            others = like_canary(view, candidate, self.references, rng)
        else:
            others = alternatives(candidate.text, _never_learned(view), self.references, self.prefix, rng)
        return [candidate.text, *others]

    def guess(self, view: View) -> Guess:
        """Bits of exposure, at most ``log2(references + 1)``."""
        table = self.gains(view, view.transcript)
        bits = [exposure(-row[0], -row[1:]) if np.isfinite(row).all() else np.nan for row in table]
        return scores_of(view.candidates, np.array(bits))


class GeneratorLira(_Asking):
    """What tuning took off a record's loss, against its own distribution in shadow runs with and without it."""

    name: ClassVar[str] = "generator_lira"
    summary: ClassVar[str] = "likelihood ratio of what tuning took off the record's loss, calibrated by shadow runs"
    source: ClassVar[str] = "Carlini et al. 2022, sections IV and V, on tuned generators"

    def __init__(self, *, shadows: int = 16) -> None:
        super().__init__()
        self.shadows = shadows

    def guess(self, view: View) -> Guess:
        """A score for every candidate."""
        live, runs = self.gains(view, view.transcript)[:, 0], view.shadows(self.shadows)
        if len(runs) < MINIMUM:
            raise SuiteError(f"generator_lira needs {MINIMUM} shadow runs and has {len(runs)}: raise shadow_budget")
        known = np.stack([self.gains(view, run.transcript)[:, 0] for run in runs])
        members = np.array([[run.members[one.id] for one in view.candidates] for run in runs])
        usable, scores = np.isfinite(known).all(0) & np.isfinite(live), np.full(len(live), np.nan)
        scores[usable] = likelihood_calibrated(live[usable], known[:, usable], members[:, usable])
        return scores_of(view.candidates, scores)


def _never_learned(view: View) -> list[str]:
    """Texts on which no generator is tuned in any target: shadow runs are filled with auxiliary records."""
    public = list(view.public.facts.get("public_texts", ()))
    return public or [record.text for record in view.public.auxiliary]


def like_canary(view: View, canary: Candidate, count: int, rng: np.random.Generator) -> list[str]:
    """``count`` texts that begin as ``canary`` does; every further word is that of a canary of another party at the
    same place, so that they are drawn as canaries are."""
    openings = view.public.facts["openings"]
    rests = [
        one.text[len(openings[one.id]) :].split()
        for one in view.candidates
        if one.id in openings and one.party != canary.party
    ]
    own = canary.text[len(openings[canary.id]) :].split()
    columns = [sorted({rest[j] for rest in rests if j < len(rest)} - {word}) or [word] for j, word in enumerate(own)]
    picks = [[column[int(i)] for i in rng.integers(len(column), size=count)] for column in columns]
    return [" ".join([openings[canary.id], *words]) for words in zip(*picks, strict=True)]
