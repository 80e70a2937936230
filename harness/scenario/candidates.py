"""Candidates of membership tests: which private records are asked about, which are in, which are canaries.

Every candidate is in with probability 1/2, by a coin of its own; the others of a party are always in. Canaries are
records that training has to memorise: mislabelled, or of rare words (Aerni et al. 2024, "Evaluations of machine
learning privacy defenses are misleading", section 3). A mislabelled canary gets another label *of its own party*, in
proportion to the party's records, so that canaries bring no new classes into a party.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from harness.attack import Candidate
from harness.data.record import Item, Record, content_id
from harness.errors import DataError
from harness.scenario.membership import MembershipSecret

if TYPE_CHECKING:
    import numpy

__all__ = ["CANARIES", "Chosen", "choose", "held", "rarity"]

CANARIES = ("mislabelled", "rare")


@dataclass(frozen=True)
class Chosen:
    """Candidates of all parties, the truth about them, and the records that are always in."""

    candidates: tuple[Candidate, ...]
    members: Mapping[str, bool]
    others: Mapping[str, tuple[Record, ...]]

    def secret(self) -> MembershipSecret:
        """The secret that attackers guess at."""
        return MembershipSecret(
            labels={candidate: int(inside) for candidate, inside in self.members.items()},
            canaries=frozenset(c.id for c in self.candidates if c.canary),
        )

    def records(self) -> dict[str, tuple[Item, ...]]:
        """The training records of every party."""
        return held(self.candidates, self.members, self.others)


def choose(
    parts: Mapping[str, Sequence[Record]],
    *,
    canaries: int,
    average: int,
    rng: numpy.random.Generator,
    how: str = "mislabelled",
) -> Chosen:
    """Draw candidates among the records of ``parts`` (party -> records), and a coin for each.

    Canaries are drawn first: at random among parties of two or more labels (``mislabelled``), or the rarest
    records of all (``rare``, :func:`rarity`); then average candidates at random among all other records.

    Raises:
        DataError: unknown ``how``, a record in two parts, or too few records, with the numbers.
    """
    owners = [(party, record) for party, records in parts.items() for record in records]
    _check(owners, parts, canaries, average, how)
    order = [owners[i] for i in rng.permutation(len(owners)).tolist()]
    picked = _rarest(order, canaries) if how == "rare" else _of_two_labels(order, parts, canaries)
    taken = {record.id for _, record in picked}
    rest = [pair for pair in order if pair[1].id not in taken][:average]
    asked = [
        *((p, r, _label(p, r, parts, how, rng), True) for p, r in picked),
        *((p, r, r.label, False) for p, r in rest),
    ]
    numbers = rng.permutation(len(asked)).tolist()
    candidates = [
        Candidate(f"k{n}", r.text, label, p, canary) for n, (p, r, label, canary) in zip(numbers, asked, strict=True)
    ]
    taken |= {record.id for _, record in rest}
    return Chosen(
        candidates=tuple(sorted(candidates, key=lambda c: int(c.id[1:]))),
        members={f"k{n}": bool(coin) for n, coin in enumerate(rng.random(len(asked)) < 0.5)},
        others={party: tuple(r for r in records if r.id not in taken) for party, records in parts.items()},
    )


def held(
    candidates: Sequence[Candidate], members: Mapping[str, bool], others: Mapping[str, Sequence[Record]]
) -> dict[str, tuple[Item, ...]]:
    """Training records of every party of ``others``: its candidates that are in, among its other records.

    Neither the ids nor the order tell candidates from the rest, or canaries from average records.
    """
    items = {}
    for party, records in others.items():
        pairs = [(r.text, r.label) for r in records]
        pairs += [(c.text, c.label) for c in candidates if c.party == party and members[c.id]]
        pairs.sort(key=lambda pair: content_id(pair[0]))
        items[party] = tuple(Item(f"{party}.r{i}", text, label) for i, (text, label) in enumerate(pairs))
    return items


def rarity(texts: Sequence[str]) -> list[float]:
    """Mean of ``-log`` document frequency over the distinct words of each text, among ``texts``."""
    bags = [sorted(set(text.casefold().split())) for text in texts]
    frequency = Counter(word for bag in bags for word in bag)
    return [sum(log(len(texts) / frequency[word]) for word in bag) / max(1, len(bag)) for bag in bags]


_Owned = tuple[str, Record]


def _rarest(order: Sequence[_Owned], canaries: int) -> list[_Owned]:
    scores = rarity([record.text for _, record in order])
    ranked = sorted(range(len(order)), key=lambda i: (-scores[i], order[i][1].id))
    return [order[i] for i in ranked[:canaries]]


def _of_two_labels(order: Sequence[_Owned], parts: Mapping[str, Sequence[Record]], canaries: int) -> list[_Owned]:
    mixed = {party for party, records in parts.items() if len({r.label for r in records}) > 1}
    canary_pairs = [pair for pair in order if pair[0] in mixed][:canaries]
    if len(canary_pairs) < canaries:
        raise DataError(
            f"{canaries} mislabelled canaries are asked for; parties of two labels hold {len(canary_pairs)} records"
        )
    return canary_pairs


def _label(
    party: str, record: Record, parts: Mapping[str, Sequence[Record]], how: str, rng: numpy.random.Generator
) -> str | None:
    """The label a canary enters with: that of a random record of its party with another label, if mislabelled."""
    if how == "rare":
        return record.label
    wrong = sorted(str(r.label) for r in parts[party] if r.label != record.label)
    return wrong[int(rng.integers(len(wrong)))]


def _check(
    owners: Sequence[_Owned], parts: Mapping[str, Sequence[Record]], canaries: int, average: int, how: str
) -> None:
    problems = [] if how in CANARIES else [f"canaries {how!r}: choose one of {', '.join(CANARIES)}"]
    ids = Counter(record.id for _, record in owners)
    if twice := [record.text for _, record in owners if ids[record.id] > 1]:
        problems.append(f"{len(twice)} records overlap between or within parties, such as {twice[0][:40]!r}")
    if min(canaries, average) < 0 or canaries + average > len(owners):
        problems.append(f"{canaries} canaries and {average} average candidates of {len(owners)} records")
    if problems:
        raise DataError("cannot choose membership candidates: " + "; ".join(problems))
