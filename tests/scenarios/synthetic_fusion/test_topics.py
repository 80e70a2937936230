"""Topics are made of the attacker's own records alone, and what is secret is what a slow count says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from attacks.label_inference.blind_topics import BlindTopics
from attacks.label_inference.vote_topics import VoteTopics
from harness.assessment.measures import is_aggregate
from harness.errors import SuiteError
from harness.models import embeddings as features
from harness.models.embeddings import embed
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.secrets import DistributionSecret
from harness.scenario.toy import toy_records
from harness.wire.facts import PopulationFacts
from scenarios.synthetic_fusion.build import assemble
from scenarios.synthetic_fusion.settings import Settings
from scenarios.synthetic_fusion.topics import medoids, topics_of
from tests.stand_ins.live_view import live_view
from tests.stand_ins.toy_fusion import toy_deployment, toy_settings


@pytest.fixture(scope="module")
def made(toy_folder: Path) -> Deployment:
    return toy_deployment(str(toy_folder), "aug_pe", topics=3)


def shares(made: Deployment) -> Mapping[str, Mapping[str, float]]:
    secret = made.secrets["topic_distribution"]
    assert isinstance(secret, DistributionSecret)
    return secret.truth


def test_topics_follow_from_auxiliary_texts_and_axes_alone(made: Deployment, toy_folder: Path) -> None:
    """Another division of the private records, another method, a shadow run: the same topics."""
    topics, encoder = made.public.need(PopulationFacts).topics, made.encoder
    assert encoder is not None
    texts = {record.text for record in made.public.auxiliary}
    assert len(set(topics)) == 3 and set(topics) <= texts and list(topics) == sorted(topics)
    axes = ("toy",)
    assert topics == topics_of(made.public.auxiliary, 3, encoder, axes)
    other = toy_deployment(str(toy_folder), "wasp", topics=3, alpha=1.0)
    assert {record.text for record in other.public.auxiliary} == texts
    assert other.public.need(PopulationFacts).topics == topics
    assert other.parties["client1"].records != made.parties["client1"].records
    assert made.redraw is not None
    drawn = made.redraw(np.random.default_rng(0), {c.id: True for c in made.candidates})
    assert drawn.public.need(PopulationFacts).topics == topics and not drawn.secrets


def test_the_secret_is_a_slow_count(made: Deployment) -> None:
    topics, encoder = made.public.need(PopulationFacts).topics, made.encoder
    assert encoder is not None
    assert set(shares(made)) == {"client1", "client2"} and is_aggregate("topic_distribution")
    for party, found in shares(made).items():
        counts = dict.fromkeys(topics, 0)
        for record in made.parties[party].records:
            away = [float((embed(encoder, [record.text]) - embed(encoder, [name])).norm()) for name in topics]
            counts[topics[int(np.argmin(away))]] += 1
        assert found == pytest.approx({name: n / sum(counts.values()) for name, n in counts.items()})


def test_without_topics_nothing_is_embedded_and_nothing_is_new(
    toy_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "vectors", lambda encoder: pytest.fail("the encoder was run"))
    plain = toy_deployment(str(toy_folder), "aug_pe")
    assert "topic_distribution" not in plain.secrets
    assert BlindTopics().refuses(plain.public) and VoteTopics().refuses(plain.public)
    assert "topics" not in plain.settings and "topics" not in plain.parties["client1"].settings


def test_parties_are_told_no_topics(made: Deployment, toy_folder: Path) -> None:
    plain = toy_deployment(str(toy_folder), "aug_pe")
    assert plain.settings == made.settings
    assert plain.parties == made.parties


def test_medoids_are_the_points_nearest_to_the_centres_of_clusters() -> None:
    rng = np.random.default_rng(0)
    centres = 10 * np.eye(4)
    points = np.concatenate([centre + rng.normal(size=(25, 4)) for centre in centres])
    slow = []
    for k in range(4):
        some = points[25 * k : 25 * k + 25]
        slow.append(25 * k + int(np.argmin([((one - some.mean(0)) ** 2).sum() for one in some])))
    assert sorted(medoids(points, 4, ("a", 1))) == sorted(slow) == sorted(medoids(points, 4, ("b", 2)))
    assert medoids(points, 5, ("a", 1)) == medoids(points, 5, ("a", 1))
    with pytest.raises(SuiteError, match=r"topics: 3; .* 2 different"):
        medoids(np.repeat(points[:2], 9, axis=0), 3, ("a",))


@pytest.mark.parametrize("topics", [1, 17, -1])
def test_topics_that_cannot_be_are_named(topics: int) -> None:
    base = {
        "method": "wasp",
        "data": "toy",
        "prefixes": {"ham": "Friend:", "spam": "Spam:"},
        "records": 20,
        "auxiliary": 16,
        "canaries": 2,
        "average": 2,
    }
    with pytest.raises(SuiteError, match="topics"):
        Settings.read("entry", {**base, "topics": topics})
    assert Settings.read("entry", {**base, "topics": 16}).topics == 16


@pytest.mark.parametrize("aggregation", [pytest.param("per_party", marks=pytest.mark.slow), "sum"])
def test_votes_of_a_run_tell_topics(runner: Runner, toy_folder: Path, aggregation: str) -> None:
    """Texts that cover the topics, candidates among them: votes of a party give its topics away, a sum hardly."""
    found = []
    for seed in range(4):
        settings = toy_settings(
            str(toy_folder),
            "aug_pe",
            topics=3,
            aggregation=aggregation,
            canaries=2,
            average=6,
            canary_kind="rare",
            texts=12,
        )
        made = assemble(settings, list(toy_records()), ("toy", seed))
        views = [live_view(runner, made, adaptive=adaptive, behaviour="probes") for adaptive in (False, True)]
        guesses = [BlindTopics().guess(views[1]), *(VoteTopics().guess(view) for view in views)]
        scores = [made.secrets["topic_distribution"].score(guess) for guess in guesses]
        found.append([np.mean([float(s.value or 0) for s in some if s.metric == "tv"]) for some in scores])
    blind, plain, knowing = np.mean(found, axis=0)
    if aggregation == "per_party":
        assert plain < 0.05 < blind / 2 and knowing < blind / 2
    else:
        assert knowing < blind + 0.02
