"""Deployments: sound, seeded, and with nothing private in shadow runs; bad input has clear errors."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.data.record import content_id, make
from harness.errors import DataError, SuiteError
from harness.plugins.registry import names
from harness.scenario.checks import deployment_problems
from harness.scenario.deployment import Deployment
from harness.scenario.tasks import Classification
from scenarios.common.population import Population
from scenarios.prototype_sharing.build import assemble, check_held
from scenarios.prototype_sharing.scenario import PROTOTYPE_SHARING
from scenarios.prototype_sharing.settings import Settings
from tests.stand_ins.toy_prototypes import CANDIDATES, LABELS, deployment, pool, settings


def _secret(asked: Deployment, name: str) -> Any:
    """One of several classes, each with its own truth."""
    return asked.secrets[name]


def test_deployments_are_sound_and_follow_their_seed(toy_folder: Path, asked: Deployment) -> None:
    assert list(deployment_problems(asked)) == []
    again, other = deployment(toy_folder, **CANDIDATES), deployment(toy_folder, 1, **CANDIDATES)
    assert again.data_id == asked.data_id != other.data_id
    assert again.candidates == asked.candidates
    assert "prototype_sharing" in names("scenario")
    assert list(deployment_problems(PROTOTYPE_SHARING.small(str(toy_folder)))) == []


def test_truth_counts_the_records_that_are_held(asked: Deployment) -> None:
    for party, plan in asked.parties.items():
        held = Counter(r.label for r in plan.records)
        assert asked.truth["counts"][party] == {label: held[label] for label in LABELS}
    counts = _secret(asked, "count").truth
    shares = _secret(asked, "label_distribution").truth
    assert set(counts) == set(shares) == {"client1", "client2", "client3"}  # client0 is the curious one
    assert _secret(asked, "class_presence").truth["client1"] == {c: int(n > 0) for c, n in counts["client1"].items()}
    assert {c.party for c in asked.candidates} <= set(counts)


def test_a_class_that_nobody_holds_is_refused(toy_folder: Path) -> None:
    """Whether its only record was drawn for another split, or is a candidate that is out."""
    rare = (*pool(), make("a hapax of its own", label="rare", group="g1"))
    with pytest.raises(DataError, match=r"classes without a single record: \['rare'\]"):
        assemble(settings(toy_folder), rare, ("x",))
    with pytest.raises(DataError, match=r"no client holds a record of \['bank'\].*set classes"):
        check_held(Population({}, {"a": {"bank": 0, "garden": 2}, "b": {"bank": 0, "garden": 0}}, {}), LABELS[::2])
    made = deployment(toy_folder)
    held = {label for counts in made.truth["counts"].values() for label, n in counts.items() if n}
    (task,) = made.tasks
    assert isinstance(task, Classification)
    assert set(task.labels.values()) <= held == set(LABELS)


def test_shadows_hold_members_and_auxiliary_records_alone(asked: Deployment) -> None:
    assert asked.redraw is not None
    members = {c.id: bool(i % 2) for i, c in enumerate(asked.candidates)}
    shadow = asked.redraw(np.random.default_rng(0), members)
    known = {content_id(r.text) for r in asked.public.auxiliary}
    inside = {content_id(c.text) for c in asked.candidates if members[c.id]}
    held = {content_id(r.text) for plan in shadow.parties.values() for r in plan.records}
    assert inside <= held <= inside | known
    assert {content_id(i.text) for plan in shadow.parties.values() for i in plan.items} <= known
    assert set(shadow.parties) == set(asked.parties) and shadow.secrets == {}
    assert shadow.parties["client1"].settings == asked.parties["client1"].settings
    assert shadow.truth["counts"] != asked.truth["counts"]


def test_a_planted_property_shows_in_the_texts(toy_folder: Path) -> None:
    made = deployment(toy_folder, planted=True, records=120, auxiliary=120)
    for party, plan in made.parties.items():
        share = np.mean([r.text.endswith("Anna") for r in plan.records])
        assert share == pytest.approx(0.8 if made.truth["property"][party] else 0.2, abs=0.2)
    assert sum(made.truth["property"].values()) == 2
    assert "client0" not in made.secrets["property"].records
    assert made.redraw is not None
    shadow = made.redraw(np.random.default_rng(1), {})
    assert sum(shadow.truth["property"].values()) == 2
    assert {r.attributes["planted"] for r in made.public.auxiliary} == {0, 1}


def test_natural_groups_stay_with_one_client_and_one_side(toy_folder: Path) -> None:
    made = deployment(toy_folder, partition="group", clients=3, records=80, auxiliary=80, test=20, test_of="all")
    group = {r.text: r.group for r in pool()}
    homes: dict[str | None, set[str]] = {}
    for party, plan in made.parties.items():
        for record in plan.records:
            homes.setdefault(group[record.text], set()).add(party)
    assert all(len(home) == 1 for home in homes.values())
    assert not set(homes) & {record.group for record in made.public.auxiliary}


def test_bad_data_have_clear_errors(toy_folder: Path) -> None:
    unlabelled = [replace(record, label=None) for record in pool()]
    with pytest.raises(SuiteError, match=r"0 classes; 2 are needed.*label_column"):
        assemble(settings(toy_folder), unlabelled, ("x",))
    with pytest.raises(SuiteError, match="4 classes; 5 are needed"):
        deployment(toy_folder, classes=5)
    with pytest.raises(DataError, match="too few"):
        deployment(toy_folder, records=900, auxiliary=900)
    with pytest.raises(DataError, match="no draw of Dirichlet"):
        deployment(toy_folder, alpha=0.001, clients=10, least=6)
    with pytest.raises(SuiteError, match="Field required"):
        Settings.read("x", {})


def test_a_candidate_that_is_in_and_out_is_refused(asked: Deployment) -> None:
    outsider = next(c for c in asked.candidates if not _secret(asked, "membership").labels[c.id])
    plan = asked.parties[outsider.party]
    stray = replace(plan.records[0], id="stray", text=outsider.text)
    broken = replace(asked, parties={**asked.parties, outsider.party: replace(plan, records=(*plan.records, stray))})
    assert any("is a non-member, but its party holds its text" in p for p in deployment_problems(broken))


def test_public_texts_that_are_private_records_are_refused(asked: Deployment) -> None:
    plan = asked.parties["client1"]
    shared = replace(plan, public_texts=(plan.records[0].text,))
    problems = list(deployment_problems(replace(asked, parties={**asked.parties, "client1": shared})))
    assert any("private records or candidates are public texts too" in p for p in problems)
