"""Logits about every candidate, look by look, in the target and in each shadow run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attacks.toolkit.candidates import by_party, label_ids
from attacks.toolkit.confidence import logit_confidence
from attacks.toolkit.memo import Memo
from attacks.toolkit.readers.logits import Answers, answers, asked, public_range, table
from attacks.toolkit.students import Basis, fit_student, prepare
from attacks.toolkit.view import embeddings, public_texts
from harness.attack import Candidate, Floats, Ints, Mask, SuiteError

if TYPE_CHECKING:
    from harness.attack import SeenMessage, View

__all__ = [
    "FEWEST",
    "Evidence",
    "Reader",
    "chosen_reader",
    "confidences",
    "copies_reader",
    "gather",
    "passive_reader",
    "public_basis",
]

Reader = Callable[[Sequence[Answers]], Floats]
"""Answers of one run -> logits ``[m, looks, classes]`` about every candidate, of its own party; nan where not asked."""

FEWEST = 3
"""Shadow runs without which nothing can be calibrated; where each is a target in turn, one more is needed."""


@dataclass(frozen=True)
class Evidence:
    """Logits about every candidate: of the target ``[m, looks, classes]``, of shadows ``[S, m, looks, classes]``."""

    live: Floats
    shadows: Floats
    members: Mask
    """``[S, m]``."""
    labels: Ints
    usable: Mask
    """``[m]``: candidates about which every run says something."""

    def without_members(self) -> Evidence:
        """With nothing of what shadows say about candidates that they had: an offline attacker has no such shadows."""
        return replace(self, shadows=np.where(self.members[..., None, None], np.nan, self.shadows))


def gather(view: View, reader: Reader, memo: Memo, shadows: int, *, fewest: int = FEWEST) -> Evidence:
    """Read the target and the view's shadow runs (``shadows`` of them, 0: all there are).

    Raises:
        SuiteError: fewer than ``fewest`` shadow runs.
    """
    runs = view.shadows(shadows or None) if fewest else ()
    if len(runs) < fewest:
        raise SuiteError(f"{len(runs)} shadow runs: this attack needs {fewest} beside the target; raise shadow_budget")

    def read(transcript: Sequence[SeenMessage]) -> Floats:
        return memo.of(transcript, lambda: reader(answers(transcript, view.public)))

    live = read(view.transcript)
    others = np.stack([read(run.transcript) for run in runs]) if runs else np.zeros((0, *live.shape))
    inside = [[run.members[c.id] for c in view.candidates] for run in runs]
    members = np.array(inside, dtype=bool).reshape(len(runs), len(view.candidates))
    looks = ~np.isnan(np.concatenate([live[None], others])).any(-1)
    everywhere = looks.all((0, 1))  # looks that are there for everyone in every run
    if everywhere.any():
        live, others = live[:, everywhere], others[:, :, everywhere]
    usable = looks[..., everywhere].all((0, 2)) if everywhere.any() else looks.any(2).all(0)
    return Evidence(live, others, members, label_ids(view.candidates, view.public), usable)


def chosen_reader(view: View) -> Reader:
    """The party's own answers about candidates that were put among the queries, one look per round.

    Raises:
        SuiteError: no candidate was asked about.
    """
    places = {c: rows[:1] for c, rows in _asked(view).items()}
    return lambda found: _by_party(view, lambda party, some: _answered(found, party, some, places, view))


def copies_reader(view: View) -> Reader:
    """The party's own answers, with every altered copy of a candidate as a look of its own, in every round.

    Raises:
        SuiteError: no candidate was asked about.
    """
    places = _asked(view)
    return lambda found: _by_party(view, lambda party, some: _answered(found, party, some, places, view))


def passive_reader(view: View, memo: Memo) -> Reader:
    """The answers of a student of each party, distilled from its public logits, one look per round.

    Raises:
        SuiteError: fewer than three public texts.
    """
    basis, points = public_basis(view, memo)
    rows = {c.id: row for c, row in zip(view.candidates, points, strict=True)}
    positions = public_range(view.public)

    def read(answered: Sequence[Answers]) -> Floats:
        def ask(party: str, some: Sequence[Candidate]) -> Floats:
            rounds = table(answered, party, positions, view.public)
            x = np.stack([rows[c.id] for c in some])
            said = [_student(basis, one, x) for one in rounds]
            return np.stack(said, axis=1) if said else np.full((len(some), 0, rounds.shape[-1]), np.nan)

        return _by_party(view, ask)

    return read


def public_basis(view: View, memo: Memo) -> tuple[Basis, Floats]:
    """Public texts, prepared for students, and embeddings ``[m, d]`` of the candidates; made once for all targets.

    Raises:
        SuiteError: fewer than three public texts.
    """
    return memo.of(view.public.facts, lambda: _embedded(view))


def confidences(
    evidence: Evidence, measure: Callable[[Floats, Ints], Floats] = logit_confidence
) -> tuple[Floats, Floats]:
    """``measure`` of the target's logits ``[m, looks]`` and of the shadows' ``[S, m, looks]``; nan where unknown."""
    both = np.concatenate([evidence.live[None], evidence.shadows])
    known = ~np.isnan(both).any(-1)
    filled = np.moveaxis(np.where(known[..., None], both, 0.0), 2, 1)
    phi = np.where(known, np.moveaxis(measure(filled, evidence.labels), 1, 2), np.nan)
    return phi[0], phi[1:]


def _by_party(view: View, ask: Callable[[str, Sequence[Candidate]], Floats]) -> Floats:
    """Put together what each party's answers say about its own candidates; looks are padded with nan."""
    parties = by_party(view.candidates)
    logits = {party: ask(party, [view.candidates[i] for i in rows]) for party, rows in parties.items()}
    looks, classes = max(one.shape[1] for one in logits.values()), next(iter(logits.values())).shape[2]
    out = np.full((len(view.candidates), looks, classes), np.nan)
    for party, rows in parties.items():
        out[rows, : logits[party].shape[1]] = logits[party]
    return out


def _asked(view: View) -> Mapping[str, Ints]:
    places = asked(view)
    if not any(c.id in places for c in view.candidates):
        raise SuiteError("no candidate is among the queries: run this attack on the behaviour that chooses them")
    return places


def _answered(
    said: Sequence[Answers], party: str, some: Sequence[Candidate], places: Mapping[str, Ints], view: View
) -> Floats:
    """``[m, rounds * queries, classes]``: every query about every candidate, nan for those that has fewer."""
    widest = max(len(rows) for rows in places.values())
    positions = np.full((len(some), widest), -1, dtype=np.int64)
    for row, c in zip(positions, some, strict=True):
        row[: len(places.get(c.id, ()))] = places.get(c.id, ())
    grid = table(said, party, np.maximum(positions, 0).ravel(), view.public)
    grid[:, positions.ravel() < 0] = np.nan
    rounds, classes = grid.shape[0], grid.shape[-1]
    looks = np.moveaxis(grid.reshape(rounds, len(some), widest, classes), 0, 1)
    return looks.reshape(len(some), rounds * widest, classes)


def _embedded(view: View) -> tuple[Basis, Floats]:
    texts = list(public_texts(view.public))
    if len(texts) < 3:
        raise SuiteError(f"{len(texts)} public texts: a student needs at least 3; is the scenario's public set known?")
    return prepare(embeddings(view, texts)), embeddings(view, [c.text for c in view.candidates])


def _student(basis: Basis, logits: Floats, points: Floats) -> Floats:
    """Answers ``[m, classes]`` of a student of one round, of as many public texts as were answered."""
    there = np.flatnonzero(~np.isnan(logits).any(1))
    if len(there) < 3:
        return np.full((len(points), logits.shape[1]), np.nan)
    own = basis if len(there) == len(logits) else prepare(basis.rows(there))
    bounded = np.maximum(logits[there], logits[there].max(1, keepdims=True) - 30.0)
    return fit_student(own, bounded).logits(points)
