"""Natural groups, and labels taken from an attribute."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.data import load, records
from harness.data.record import Record, make
from harness.errors import SuiteError
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.checks import deployment_problems
from harness.scenario.toy import toy_records
from scenarios.synthetic_fusion.build import assemble
from scenarios.synthetic_fusion.canaries import cast
from scenarios.synthetic_fusion.pool import Pool, draw_pool, labelled
from scenarios.synthetic_fusion.settings import Settings
from tests.stand_ins.toy_fusion import toy_settings


def parts(pool: Pool) -> list[tuple[Record, ...]]:
    return [pool.private, pool.auxiliary, pool.test, pool.public]


def test_films_stay_together() -> None:
    """Of one film all reviews are in one part of the data, and the private ones with one client."""
    settings = Settings(
        method="private_fusegen",
        data="rotten_tomatoes",
        prefixes={"rotten": "Bad:", "fresh": "Good:"},
        partition="group",
        clients=5,
        records=300,
        canaries=20,
        average=20,
        auxiliary=260,
        public=800,
        test=100,
    )
    pool = draw_pool(settings, list(records(load("rotten_tomatoes"))), ("films",))
    assert [len(part) for part in parts(pool)] == [300, 260, 100, 800]
    films = [{record.group for record in part} for part in parts(pool)]
    assert sum(map(len, films)) == len(set.union(*films))
    assert set(Counter(record.label for record in pool.private).values()) == {150}
    live = cast(settings, pool.private, pool.public, np.random.default_rng(0))
    film = {record.text: record.group for record in pool.private}
    homes = {(film[r.text], party) for party, held in live.population.records.items() for r in held if r.text in film}
    assert len({name for name, _ in homes}) == len(homes) > 5


def test_a_deployment_by_group_runs_and_its_shadows_are_drawn_by_group(runner: Runner, toy_folder: Path) -> None:
    settings = toy_settings(str(toy_folder), "private_fusegen", partition="group", balanced=False)
    pool = [replace(record, group=f"place {i // 2 % 24}") for i, record in enumerate(toy_records())]
    made = assemble(settings, pool, ("toy",))
    assert list(deployment_problems(made)) == []
    assert len(runner.execute(made, Execution(None)).predictions) == 6
    assert made.redraw is not None
    drawn = made.redraw(np.random.default_rng(0), {c.id: True for c in made.candidates})
    group = {record.text: record.group for record in pool}
    asked = {c.text for c in made.candidates}
    homes = {(group[r.text], name) for name, plan in drawn.parties.items() for r in plan.records if r.text not in asked}
    assert len({name for name, _ in homes}) == len(homes)


def test_an_attribute_can_be_the_label() -> None:
    some = [make("a b", attributes={"has_address": 1}), make("c d", attributes={"has_address": 0}), make("e f")]
    assert [record.label for record in labelled(some, "has_address")] == ["1", "0"]
    assert labelled(some, "") == some
    with pytest.raises(SuiteError, match="has_address"):
        labelled(some, "age")
