"""Deployments of synthetic_fusion: secrets, shadows, bad data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.wire.facts import GeneratorFacts
from tests.stand_ins.toy_fusion import redrawn, toy_deployment


def test_secrets_leave_the_curious_client_out(worlds: Mapping[str, Deployment]) -> None:
    made = worlds["private_fusegen"]
    assert {"membership", "label_distribution", "class_presence"} <= set(made.secrets)
    assert set(made.secrets["label_distribution"].records) == {"client1", "client2"}
    assert "client0" not in {c.party for c in made.candidates}
    openings = made.public.need(GeneratorFacts).openings
    for one in made.candidates:
        assert one.canary == (one.id in openings)
        assert not one.canary or one.text.startswith(openings[one.id])


def test_shadows_hold_no_private_record_but_candidates(worlds: Mapping[str, Deployment]) -> None:
    made = worlds["aug_pe"]
    asked = {c.text for c in made.candidates}
    private = {r.text for plan in made.parties.values() for r in plan.records} - asked
    drawn = redrawn(made, inside=True)
    assert not private & {r.text for plan in drawn.parties.values() for r in plan.records}
    assert sum(len(plan.records) for plan in drawn.parties.values()) == 20
    assert drawn.truth["counts"]


def test_data_with_other_labels_is_refused(toy_folder: Path) -> None:
    with pytest.raises(SuiteError, match="labels"):
        toy_deployment(str(toy_folder), "fusegen", prefixes={"bank": "Bank:", "foe": "Foe:"})


def test_a_scratch_generator_needs_public_texts(toy_folder: Path) -> None:
    with pytest.raises(SuiteError, match="public texts"):
        toy_deployment(str(toy_folder), "fusegen", generator="scratch", public=0, canary_kind="rare")


def test_the_reference_learns_from_public_labels_where_there_are_any(toy_folder: Path, runner: Runner) -> None:
    made = toy_deployment(str(toy_folder), "aug_pe", generator="scratch", canary_kind="rare")
    alone = made.variants["local_only"]()
    plans = alone.parties.values()
    assert all(len(plan.settings["public_labels"]) == len(plan.public_texts) == 4 for plan in plans)
    answers = runner.execute(alone, Execution(None, behaviour="local_only")).predictions
    assert len(answers) == 6
    assert {answer["label"] for answer in answers.values()} <= {"bank", "friend"}
    unlabelled = toy_deployment(
        str(toy_folder), "aug_pe", generator="scratch", canary_kind="rare", labelled_public=False
    )
    assert all(not plan.settings["public_labels"] for plan in unlabelled.variants["local_only"]().parties.values())
