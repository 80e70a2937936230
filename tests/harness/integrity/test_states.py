"""States of rows: the whole truth table, and the files of verifications."""

from __future__ import annotations

import itertools
from dataclasses import fields
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.integrity.states import MEANINGS, STATES, RowFacts, state_of
from harness.integrity.verifications import Verification, read_verification, write_verification
from harness.store.schema import Environment

VALUES = {"logged": (None, True, False)}


def every() -> list[RowFacts]:
    """All combinations of facts."""
    names = [field.name for field in fields(RowFacts)]
    return [
        RowFacts(**dict(zip(names, values, strict=True)))  # type: ignore[arg-type]
        for values in itertools.product(*(VALUES.get(name, (True, False)) for name in names))
    ]


def expected(row: RowFacts) -> str:
    """The same in another form: the first line that holds."""
    table = (
        ("refuted", row.failed_control or row.contradicted),
        ("stale", row.other_source),
        ("verified", row.confirmed and row.isolated and row.logged is not False),
        ("sealed", row.logged is True and row.isolated),
        ("claimed", not row.isolated or row.logged is False or row.taken_over or not row.source_here),
        ("measured here", True),
    )
    return next(state for state, holds in table if holds)


def test_every_combination_of_facts_has_its_state() -> None:
    rows = every()
    assert len(rows) == 2**7 * 3
    assert [state_of(row) for row in rows] == [expected(row) for row in rows]
    assert {state_of(row) for row in rows} == set(STATES) == set(MEANINGS)


def test_facts_only_move_a_state_in_their_own_direction() -> None:
    """Nothing that speaks against a row makes it more believable, whatever else holds."""
    order = ("refuted", "stale", "claimed", "measured here", "sealed", "verified")
    for row in every():
        for name in ("failed_control", "contradicted", "other_source", "taken_over"):
            without = RowFacts(**{f.name: getattr(row, f.name) for f in fields(row)} | {name: False})
            assert order.index(state_of(row)) <= order.index(state_of(without))


def verification(**changes: object) -> Verification:
    base: dict[str, object] = {
        "verifier": "someone",
        "time": "2026-01-02T03:04:05+00:00",
        "environment": Environment(leakboard="0.1.0"),
        "suite": "toy@1",
        "submission": "plugin",
        "source": "ab" * 32,
        "isolation": "sandbox",
        "records": {"a" * 32: "1" * 32},
        "population": 40,
        "sampled": ("a" * 32,),
        "seed": "00",
        "level": 0.95,
        "at_most_wrong": 4,
        "same_platform": True,
    }
    return Verification.model_validate(base | changes)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "verified"),
        ({"at_most_wrong": 5}, "too few"),
        ({"level": 0.5}, "too few"),
        ({"sampled": ()}, "too few"),
        ({"missing": {"a" * 32: "source"}}, "incomplete"),
        ({"differing": {"a" * 32: "x"}}, "unsettled"),
        ({"differing": {"a" * 32: "x"}, "contradicting": ("a" * 32,)}, "refuted"),
    ],
)
def test_outcomes_of_a_verification(changes: dict[str, object], outcome: str, tmp_path: Path) -> None:
    made = verification(**changes)
    assert made.outcome == outcome
    assert read_verification(write_verification(tmp_path, made)) == made


def test_what_is_no_verification_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.verification.json").write_text('{"outcome": "verified"}')
    with pytest.raises(StoreError, match="no verification"):
        read_verification(tmp_path / "x.verification.json")
