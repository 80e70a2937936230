"""Deployments whose numbers would mean nothing are refused, with everything that is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.attack import Candidate
from harness.data.record import Item, make
from harness.scenario.checks import deployment_problems
from harness.scenario.deployment import Deployment
from harness.scenario.membership import MembershipSecret
from harness.wire.facts import PublicTextFacts
from tests.stand_ins.toy_protocol import deployment


@pytest.fixture(scope="module")
def pooled(toy_folder: Path) -> Deployment:
    made = deployment(str(toy_folder))
    labels = {c.id: int(c.id.endswith(".0")) for c in made.candidates}
    return replace(made, secrets={"membership": MembershipSecret(labels)})


def test_a_sound_deployment_has_no_problems(pooled: Deployment) -> None:
    assert list(deployment_problems(pooled)) == []


def test_overlaps_are_found_by_content(pooled: Deployment) -> None:
    plan = pooled.parties["client0"]
    text = plan.records[0].text.upper()
    public = replace(pooled.public, auxiliary=(make(text),))
    parties = {**pooled.parties, "client0": replace(plan, public_texts=(text,))}
    found = " ".join(deployment_problems(replace(pooled, public=public, parties=parties)))
    assert "1 private records or candidates are public texts too" in found
    assert "1 private records or candidates are auxiliary texts too" in found


def test_candidates_that_are_out_and_the_servers_texts_count_too(pooled: Deployment) -> None:
    outside = next(c for c in pooled.candidates if c.id.endswith(".1"))
    facts = (*pooled.public.facts, PublicTextFacts((outside.text,)))
    found = " ".join(deployment_problems(replace(pooled, public=replace(pooled.public, facts=facts))))
    assert "1 private records or candidates are public texts too" in found


def test_ids_are_used_once(pooled: Deployment) -> None:
    plan = pooled.parties["client0"]
    parties = {**pooled.parties, "client0": replace(plan, items=(Item("client1.0", "one"),))}
    assert "used twice, such as 'client1.0'" in " ".join(deployment_problems(replace(pooled, parties=parties)))


def test_a_candidate_is_where_its_label_says(pooled: Deployment) -> None:
    inside, outside = pooled.candidates[:2]
    both = Candidate("again", inside.text, inside.label, inside.party)
    labels = {c.id: 1 - int(c.id.endswith(".0")) for c in pooled.candidates}
    wrong = replace(pooled, secrets={"membership": MembershipSecret(labels)}, candidates=(inside, outside, both))
    found = list(deployment_problems(wrong))
    assert any("candidates of one party twice" in problem for problem in found)
    assert any(f"{inside.id!r} is a non-member, but its party holds" in problem for problem in found)
    assert any(f"{outside.id!r} is a member, but its party does not hold" in problem for problem in found)
    assert any("'again' has no label" in problem for problem in found)
