"""Deployments: sound, seeded, and with nothing private in shadow runs; bad input has clear errors."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.data.record import content_id, make
from harness.errors import DataError, SuiteError
from harness.plugins.registry import names
from harness.scenario.checks import deployment_problems
from harness.scenario.deployment import Deployment
from harness.scenario.membership import MembershipSecret
from harness.scenario.secrets import BagSecret
from harness.scenario.tasks import Classification
from scenarios.population import Population
from scenarios.prototype_sharing.build import _check_held, assemble
from scenarios.prototype_sharing.heldout import held_out
from scenarios.prototype_sharing.scenario import PROTOTYPE_SHARING
from scenarios.prototype_sharing.settings import read_settings
from tests.scenarios.prototype_sharing.world import LABELS, deployment, pool, settings

CANDIDATES = {"records": 100, "canaries": 16, "average": 24, "least": 3}


@pytest.fixture(scope="module")
def asked(toy_folder: Path) -> Deployment:
    """A deployment with membership candidates."""
    return deployment(toy_folder, **CANDIDATES)


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
    counts = asked.secrets["count"].truth  # type: ignore[attr-defined]
    shares = asked.secrets["label_distribution"].truth  # type: ignore[attr-defined]
    assert set(counts) == set(shares) == {"client1", "client2", "client3"}  # client0 is the curious one
    assert asked.secrets["class_presence"].truth["client1"] == {c: int(n > 0) for c, n in counts["client1"].items()}  # type: ignore[attr-defined]
    assert {c.party for c in asked.candidates} <= set(counts)


def test_membership_scores_carry_the_class_count(asked: Deployment) -> None:
    """Of the release that a candidate is or would be in: a lone member and its twin that is out are both of one."""
    secret = asked.secrets["membership"]
    assert isinstance(secret, MembershipSecret)
    scores = secret.score(dict.fromkeys(secret.records, 0.0))
    counts = {s.record: s.value for s in scores if s.metric == "count"}
    for candidate in asked.candidates:
        held = asked.truth["counts"][candidate.party][candidate.label]
        inside = secret.labels[candidate.id]
        assert counts[f"0:{candidate.id}"] == (held if inside else held + 1) >= 1


def test_words_carry_the_class_count(toy_folder: Path) -> None:
    made = next(d for d in (deployment(toy_folder, seed, alpha=0.2) for seed in range(9)) if d.secrets["text"].records)
    for name in ("text", "words"):
        secret = made.secrets[name]
        counts = {s.record: s.value for s in secret.score({}) if s.metric == "count"}
        assert counts
        for record, count in counts.items():
            party, _, label = record.partition("/")
            assert count == made.truth["counts"][party][label]
        assert len(secret.score({})) > 2 * len(counts)


def test_a_class_that_nobody_holds_is_refused(toy_folder: Path) -> None:
    """Whether its only record was drawn for another split, or is a candidate that is out."""
    rare = (*pool(), make("a hapax of its own", label="rare", group="g1"))
    with pytest.raises(DataError, match=r"classes without a single record: \['rare'\]"):
        assemble(settings(toy_folder), rare, ("x",))
    with pytest.raises(DataError, match=r"no client holds a record of \['bank'\].*set classes"):
        _check_held(Population({}, {"a": {"bank": 0, "garden": 2}, "b": {"bank": 0, "garden": 0}}, {}), LABELS[::2])
    made = deployment(toy_folder)
    held = {label for counts in made.truth["counts"].values() for label, n in counts.items() if n}
    (task,) = made.tasks
    assert isinstance(task, Classification)
    assert set(task.labels.values()) <= held == set(LABELS)


def test_words_of_few_records_are_secret_alone_and_together(toy_folder: Path) -> None:
    made = deployment(toy_folder, alpha=0.2)
    sizes = {
        f"{party}/{label}": n
        for party, counts in made.truth["counts"].items()
        for label, n in counts.items()
        if party != "client0"
    }
    text, words = made.secrets["text"], made.secrets["words"]
    assert set(text.records) == {key for key, n in sizes.items() if n == 1}
    assert set(words.records) == {key for key, n in sizes.items() if 2 <= n <= 10}
    assert isinstance(words, BagSecret)
    key = words.records[0]
    truth = list(words.tokens[key])
    half = len(truth) // 2

    def told(guess: list[int]) -> float | None:
        return next(s.value for s in words.score({key: guess}) if (s.record, s.metric) == (key, "token_f1"))

    assert told(truth[::-1]) == 1.0
    assert told(truth[:half]) == pytest.approx(2 * half / (len(truth) + half))
    assert all(s.value in (0.0, None) for s in words.score({}) if s.metric != "count")


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


def test_held_out_texts_have_own_or_common_classes() -> None:
    counts = {"client0": {"bank": 5, "friend": 0}, "client1": {"bank": 0, "friend": 2}}
    texts = [make(f"text {i}", label=LABELS[i % 2]) for i in range(40)]
    own = held_out(texts, counts, 20, True, np.random.default_rng(0))
    assert {p: {r.label for r in found} for p, found in own.items()} == {"client0": {"bank"}, "client1": {"friend"}}
    common = held_out(texts, counts, 20, False, np.random.default_rng(0))
    assert [len(found) for found in common.values()] == [10, 10]
    with pytest.raises(DataError, match="too few held-out texts of class 'bank'"):
        held_out(texts[:8], counts, 20, True, np.random.default_rng(0))


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


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"clients": 1}, "clients: 1; sharing needs 2"),
        ({"method": "fedavg"}, "method: Input should be 'fedproto' or 'fedtgp'"),
        ({"canaries": 40, "average": 10}, "leave 10 beside the membership candidates"),
        ({"auxiliary": 20}, "auxiliary: 20 are fewer than the 60 records of a shadow run"),
        ({"clients": 2, "auxiliary": 20}, "clients.*; auxiliary"),
    ],
)
def test_bad_settings_are_named_all_at_once(toy_folder: Path, changes: dict[str, object], problem: str) -> None:
    with pytest.raises(SuiteError, match=problem):
        settings(toy_folder, **changes)


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
        read_settings("x", {})


def test_a_candidate_that_is_in_and_out_is_refused(asked: Deployment) -> None:
    outsider = next(c for c in asked.candidates if not asked.secrets["membership"].labels[c.id])  # type: ignore[attr-defined]
    plan = asked.parties[outsider.party]
    stray = replace(plan.records[0], id="stray", text=outsider.text)
    broken = replace(asked, parties={**asked.parties, outsider.party: replace(plan, records=(*plan.records, stray))})
    assert any("is a non-member, but its party holds its text" in p for p in deployment_problems(broken))


def test_public_texts_that_are_private_records_are_refused(asked: Deployment) -> None:
    plan = asked.parties["client1"]
    shared = replace(plan, public_texts=(plan.records[0].text,))
    problems = list(deployment_problems(replace(asked, parties={**asked.parties, "client1": shared})))
    assert any("private records or candidates are public texts too" in p for p in problems)
