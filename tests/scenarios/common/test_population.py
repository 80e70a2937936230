"""Shadow runs are like the live run: sizes of parties, counts of classes, records behind a candidate's class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from harness.attack import Candidate
from harness.data.record import Record, make
from scenarios.common.population import Population, draw_shadow, populate
from scenarios.common.settings import PopulationSettings

LABELS = tuple("abc")
SHADOWS = 3
FEW, MANY = 16, 60
SETTINGS = PopulationSettings(clients=4, alpha=0.2, least=6, records=240, canaries=24, average=40, auxiliary=240)
RARE = SETTINGS.model_copy(update={"canary_kind": "rare"})


def records(size: int, name: str) -> list[Record]:
    """Half of the first class, and so on."""
    ends = [0, size // 2, size * 3 // 4, size]
    return [
        make(f"{name} text {i} of {label}", label=label)
        for label, first, last in zip(LABELS, ends, ends[1:], strict=False)
        for i in range(first, last)
    ]


def behind(population: Population, members: dict[str, bool], candidates: Sequence[Candidate]) -> float:
    """Median number of records that a candidate's class has at its party, itself counted."""
    return float(np.median([population.counts[c.party][str(c.label)] - members[c.id] + 1 for c in candidates]))


@cache
def worlds(settings: str, seeds: int) -> list[tuple[list[dict[str, float]], list[Population]]]:
    """Of every seed the statistics of the live run and of its shadows, and the populations."""
    given = {"mislabelled": SETTINGS, "rare": RARE}[settings]
    made = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        private, auxiliary = records(given.records, f"p{seed}"), records(given.auxiliary, f"a{seed}")
        live, chosen = populate(given, private, LABELS, rng)
        rows, populations = [], []
        for shadow in range(SHADOWS + 1):
            members = {c.id: bool(rng.random() < 0.5) for c in chosen.candidates} if shadow else dict(chosen.members)
            drawn = draw_shadow(given, auxiliary, chosen.candidates, members, LABELS, rng) if shadow else live
            sizes = [len(held) for held in drawn.records.values()]
            rows.append(
                {
                    "first": sizes[0],
                    "second": sizes[1],
                    "smallest": min(sizes),
                    "largest": max(sizes),
                    "classes": sum(n > 0 for own in drawn.counts.values() for n in own.values()),
                    "behind": behind(drawn, members, chosen.candidates),
                    "behind canaries": behind(drawn, members, [c for c in chosen.candidates if c.canary]),
                }
            )
            populations.append(drawn)
        made.append((rows, populations))
    return made


@pytest.mark.parametrize(
    ("kind", "seeds"),
    [
        ("mislabelled", FEW),
        pytest.param("rare", FEW, marks=pytest.mark.slow),
        pytest.param("mislabelled", MANY, marks=pytest.mark.slow),
        pytest.param("rare", MANY, marks=pytest.mark.slow),
    ],
)
def test_the_live_run_is_anywhere_among_its_shadows(kind: str, seeds: int) -> None:
    """The mean rank of the live run lies within four standard errors of the middle, for every statistic: it was at the
    edge where one party had few candidates, since all records were divided anew then."""
    made = worlds(kind, seeds)
    error = 4 * np.sqrt(1 / 12 / len(made))
    ties = np.random.default_rng(0)
    for name in made[0][0][0]:
        ranks = []
        for rows, _ in made:
            live, shadows = rows[0][name], np.array([row[name] for row in rows[1:]])
            ranks.append(((shadows < live).sum() + ties.random() * ((shadows == live).sum() + 1)) / (SHADOWS + 1))
        assert abs(np.mean(ranks) - 0.5) < error, (name, np.mean(ranks))


def test_no_classifier_tells_live_runs_from_shadow_runs() -> None:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import GroupKFold, cross_val_score

    made = worlds("mislabelled", FEW)
    rows = [list(row.values()) for world, _ in made for row in (world[0], world[1])]
    kinds = [kind for _ in made for kind in ("live", "shadow")]
    groups = [seed for seed in range(len(made)) for _ in range(2)]
    forest = RandomForestClassifier(60, random_state=0)
    right = cross_val_score(forest, rows, kinds, groups=groups, cv=GroupKFold(4)).mean()
    assert right < 0.5 + 3 * 0.5 / np.sqrt(len(rows)), right


def test_a_party_with_few_candidates_does_not_redivide_the_records_of_others() -> None:
    """Candidates stay with their party, so records that are divided anew leave them alone in their class."""
    live = [rows[0]["behind canaries"] for rows, _ in worlds("mislabelled", FEW)]
    shadows = [row["behind canaries"] for rows, _ in worlds("mislabelled", FEW) for row in rows[1:]]
    assert np.mean(shadows) == pytest.approx(np.mean(live), rel=0.25)


def test_members_ids_tell_nothing_in_shadows() -> None:
    for _, populations in worlds("mislabelled", FEW)[:3]:
        for drawn in populations:
            for party, held in drawn.records.items():
                assert [item.id for item in held] == [f"{party}.r{i}" for i in range(len(held))]
