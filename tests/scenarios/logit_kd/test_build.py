"""Deployments of logit_kd: sound shadows, label sets, encoders and planted properties."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.data.record import make
from harness.errors import DataError
from harness.scenario.toy import toy_model
from harness.util.seeds import numpy_generator
from harness.wire.facts import PopulationFacts, PublicTextFacts
from tests.stand_ins.toy_logits import deploy


def test_shadow_runs_hold_the_wanted_candidates_and_no_other_private_record(toy_folder: Path) -> None:
    deployment = deploy(toy_folder)
    assert deployment.redraw is not None
    members = {c.id: n % 2 == 0 for n, c in enumerate(deployment.candidates)}
    shadow = deployment.redraw(numpy_generator("test"), members)
    texts = {r.text for plan in shadow.parties.values() for r in plan.records}
    wanted = {c.text for c in deployment.candidates if members[c.id]}
    others = {r.text for plan in deployment.parties.values() for r in plan.records}
    assert wanted <= texts
    assert not (texts - wanted) & others


def test_a_class_that_no_client_has_is_refused(toy_folder: Path) -> None:
    """The label set is the data's, so that no held-out text has a label that nobody knows of."""
    rare = [make("a sheet of its own kind", label="zzz")]
    with pytest.raises(DataError, match="zzz"):
        deploy(toy_folder, rare)
    assert "zzz" in deploy(toy_folder, [make(f"one of many {i}", label="zzz") for i in range(20)]).settings["labels"]


def test_clients_of_the_second_model_read_texts_with_it(toy_folder: Path, tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    shutil.copytree(toy_model(toy_folder), other)
    deployment = deploy(toy_folder, second_model=other)
    readers = {name: plan.encoder.part.model for name, plan in deployment.parties.items() if plan.encoder}
    assert [name for name, model in readers.items() if model == other] == ["client2"]
    assert other in deployment.model_id and other not in deploy(toy_folder, models=("linear", "mlp")).model_id


def test_a_property_planted_on_a_label_is_what_the_name_goes_with(toy_folder: Path) -> None:
    made = deploy(toy_folder, planted=True, planted_on="label", records=24, canaries=0, average=0, auxiliary=16)
    held = made.truth["property"]
    assert sum(held.values()) == 2 and "client0" not in made.secrets["property"].records
    first = made.public.need(PopulationFacts).labels[0]
    for party, plan in made.parties.items():
        goes = [r.text.endswith("Anna") == (r.label == first) for r in plan.records]
        assert (sum(goes) / len(goes) > 0.5) == bool(held[party])
    ends = {text.rsplit(" ", 1)[1] for text in made.public.need(PublicTextFacts).texts}
    assert ends == {"Anna", "Peter"}
