"""The shipped defenses of prototypes: what they change on the wire, and what they leave."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch

from attacks.embedding_inversion.prototype_inversion import PrototypeInversion
from attacks.label_inference.prototype_counts import PrototypeCounts
from attacks.label_inference.prototype_presence import PrototypePresence
from attacks.label_inference.prototype_shares import PrototypeShares
from attacks.toolkit.prototype_space.moments import class_moments
from attacks.toolkit.prototype_space.space_of_run import space_of
from harness.metrics.membership import auc
from harness.plugins.submission import Point, Submission, load_submission
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.wire.coalition import SERVER
from harness.wire.message import Message
from tests.stand_ins.live_view import live_view
from tests.stand_ins.toy_prototypes import LABELS, deployment

ROOT = Path(__file__).parents[3] / "submissions"


@pytest.fixture(scope="module")
def made(toy_folder: Path) -> Deployment:
    return deployment(toy_folder, features="adapter", alpha=0.3, rounds=3)


def shipped(name: str, **parameters: Any) -> Submission:
    """A shipped submission at these parameters."""
    found = load_submission(ROOT / name)
    return found.model_copy(update={"points": (Point(label="test", parameters=parameters),)})


def uploads(outcome: Outcome) -> dict[str, list[Message]]:
    parties = dict.fromkeys(e.sender for e in outcome.log.entries if e.sender != SERVER)
    return {name: [e.message() for e in outcome.log.entries if e.sender == name] for name in parties}


def test_small_classes_are_not_sent(runner: Runner, made: Deployment) -> None:
    plain, kept = (uploads(runner.execute(made, Execution(s))) for s in (None, shipped("minimum_count", least=4)))
    for party, counts in made.truth["counts"].items():
        wanted = [number for number, name in enumerate(LABELS) if counts[name] >= 4]
        for before, after in zip(plain[party][:1], kept[party][:1], strict=True):
            rows = [before["classes"].index(name) for name in wanted]
            assert after["classes"] == wanted
            assert torch.equal(after["means"], before["means"][rows])
            assert torch.equal(after["counts"], before["counts"][rows])


def test_a_party_may_send_nothing_at_all(runner: Runner, made: Deployment) -> None:
    outcome = runner.execute(made, Execution(shipped("minimum_count", least=1000)))
    assert all(m["means"].shape == (0, 32) for m in uploads(outcome)["client1"])
    assert len(outcome.predictions) == 12


def test_dummies_fill_the_label_set_and_leave_real_prototypes(runner: Runner, made: Deployment) -> None:
    plain, padded = (uploads(runner.execute(made, Execution(s))) for s in (None, shipped("dummy_classes", share=1.0)))
    for party, messages in padded.items():
        assert all(m["classes"] == [0, 1, 2, 3] for m in messages)
        first, real = messages[0], plain[party][0]
        assert torch.equal(first["means"][real["classes"]], real["means"])
        assert set(first["counts"].tolist()) == set(real["counts"].tolist())
        assert bool((first["means"].norm(dim=1) > 0.1).all())


def test_counts_of_dummies_are_drawn_once(runner: Runner, made: Deployment) -> None:
    for messages in uploads(runner.execute(made, Execution(shipped("dummy_classes", share=1.0)))).values():
        assert len(messages) == 3 and all(torch.equal(m["counts"], messages[0]["counts"]) for m in messages)


def test_dummies_of_another_space_are_means_of_what_is_sent(runner: Runner, toy_folder: Path) -> None:
    made = deployment(toy_folder, features="projection", width=8, alpha=0.3)
    plain, padded = (uploads(runner.execute(made, Execution(s))) for s in (None, shipped("dummy_classes", share=1.0)))
    for party, messages in padded.items():
        real = plain[party][0]
        for row in set(range(4)) - set(real["classes"]):
            assert torch.allclose(messages[0]["means"][row], real["means"].mean(0), atol=1e-6)


@pytest.mark.slow
def test_dummies_of_frozen_features_are_told_by_one_who_knows_the_defense(runner: Runner, toy_folder: Path) -> None:
    """Real prototypes are of records that stay; the attack learns the difference on shadow runs with the defense."""
    made = deployment(toy_folder, features="frozen", method="fedtgp", alpha=0.2, rounds=3, clients=6)
    found = []
    for adaptive in (False, True):
        view = live_view(runner, made, submission=shipped("dummy_classes", share=1.0), shadows=3, adaptive=adaptive)
        scores = made.secrets["class_presence"].score(PrototypePresence(shadows=3).guess(view))
        label, score = ([float(s.value or 0.0) for s in scores if s.metric == name] for name in ("label", "score"))
        assert 0 < sum(label) < len(label)
        found.append(auc(score, label))
    assert found[0] == 0.5 and found[1] > 0.9


def test_noise_is_in_proportion_to_what_one_record_can_move(runner: Runner, made: Deployment) -> None:
    """Frozen features, so prototypes repeat, and with them their noise; its scale is multiplier * 2 / n."""
    plain = uploads(runner.execute(replace(made, parties=_frozen(made)), Execution(None)))
    noisy = uploads(runner.execute(made, Execution(shipped("prototype_gaussian", multiplier=0.5))))
    scaled = []
    for party, messages in noisy.items():
        assert all(torch.equal(m["means"], messages[0]["means"]) for m in messages)
        before = plain[party][0]
        scaled.append((messages[0]["means"] - before["means"]) * before["counts"][:, None] / 2)
        assert not torch.equal(messages[0]["counts"], before["counts"])
    assert float(torch.cat(scaled).std()) == pytest.approx(0.5, rel=0.15)


def test_noise_that_only_shadow_runs_show_is_used(runner: Runner, toy_folder: Path) -> None:
    """No candidates, no counts, and noise that differs from row to row: no law is declared, the shadow runs tell it."""
    made = deployment(toy_folder, features="frozen", method="fedtgp", alpha=0.2, rounds=2, clients=6)
    assert not made.candidates
    noisy = shipped("prototype_gaussian", multiplier=0.2)
    view, plain = (live_view(runner, made, submission=noisy, shadows=4, adaptive=a) for a in (True, False))
    known, naive = (space_of(v, 4, class_moments(v)) for v in (view, plain))
    assert known.per_record == pytest.approx((2 * 0.2) ** 2, rel=0.3)
    assert naive.per_record < 0.1 * known.per_record
    for attack, secret in (
        (PrototypeInversion(shadows=4, most=2, steps=2, texts=16, tries=4), "text"),
        (PrototypePresence(shadows=4), "class_presence"),
        (PrototypeShares(shadows=4), "label_distribution"),
    ):
        assert made.secrets[secret].score(attack.guess(view)) or not made.secrets[secret].records
    wrong = []
    for v in (view, plain):
        scores = made.secrets["count"].score(PrototypeCounts(shadows=4).guess(v))
        wrong.append(sum(float(s.value or 0.0) for s in scores if s.metric == "absolute_error"))
    assert wrong[0] < wrong[1]


def test_the_ledger_knows_the_noise(runner: Runner, made: Deployment) -> None:
    outcome = runner.execute(made, Execution(shipped("prototype_gaussian", multiplier=0.5)))
    means = [e for e in outcome.ledger if e.field == "means" and e.mechanism.startswith("gaussian")]
    assert {e.party for e in means} == set(made.parties)
    assert all(e.ratio_add_remove == pytest.approx(2.0) for e in means)
    # A replacement that changes the class moves two means.
    assert all(e.ratio_replace == pytest.approx(2.0 * sqrt(2)) for e in means)


def _frozen(made: Deployment) -> dict[str, Any]:
    return {p: replace(plan, settings={**plan.settings, "features": "frozen"}) for p, plan in made.parties.items()}
