"""Topic shares from votes, of parties with topics drawn here: exact where topics are apart, blind where noise is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from attacks.label_inference.blind_topics import BlindTopics
from attacks.label_inference.known_topics import Topics
from attacks.label_inference.vote_topics import VoteTopics
from attacks.toolkit.voting import vote_vectors
from harness.attack import Candidate, NoiseLaw, Public, SeenMessage
from harness.data.record import make
from harness.scenario.aggregate import DistributionSecret
from harness.wire.coalition import SERVER, SUM
from harness.wire.facts import PopulationFacts, VoteFacts
from harness.wire.message import Kind, Message
from tests.stand_ins.rounds_view import Cloud, RoundsView, with_facts
from tests.stand_ins.vote_world import halving

CLASSES, TOPICS, PARTIES = ("red", "green"), 3, ("client1", "client2", "client3", "client4")


class Topical(Cloud):
    """Texts ``class topic number``; topics are clusters ``spread`` wide, and classes hardly differ."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.centres = 6 * np.eye(TOPICS, self.size)

    def draw(self, name: str, topic: int = 0) -> Any:
        text = f"{name} {topic} {len(self.vectors)}"
        shift = 0.1 * self.classes.index(name) + self.spread * self.rng.normal(size=self.size)
        self.vectors[text] = self.centres[topic] + shift
        return text


def topic_of(cloud: Topical, names: Sequence[str], text: str) -> Any:
    away = [np.linalg.norm(cloud.vectors[text] - cloud.vectors[name]) for name in names]
    return names[int(np.argmin(away))]


def ask(
    cloud: Topical,
    rng: np.random.Generator,
    held: Any,
    *,
    rounds: int,
    weights: Any,
    far: bool,
    noise: float,
    secure: bool,
) -> Any:
    """Ballots of every party, or their sum, on six texts of each class and topic a round."""
    seen = []
    for round_ in range(rounds):
        texts = [cloud.draw(name, topic) for name in CLASSES for topic in range(TOPICS) for _ in range(6)]
        marks, cast = [text.split()[0] for text in texts], {}
        for party, records in held.items():
            seen.append(SeenMessage(SERVER, party, Message(Kind.SYNTHETIC_TEXT, {"texts": texts, "labels": marks})))
            owners = [text.split()[0] for text in records]
            for field in ("votes", "far") if far else ("votes",):
                votes = vote_vectors(
                    cloud.embed(records), cloud.embed(texts), weights, classes=(owners, marks), farthest=field == "far"
                ).sum(0)
                cast[party, field] = torch.from_numpy(votes + noise * rng.normal(size=len(votes)))
        for sender, those in {SUM: list(held)}.items() if secure else {p: [p] for p in held}.items():
            payload = {f: sum(cast[p, f] for p in those) for f in (("votes", "far") if far else ("votes",))}
            seen.append(SeenMessage(sender, SERVER, Message(Kind.VOTE, payload, round=round_)))
    return seen


def world(
    seed: int = 0,
    *,
    spread: float = 0.3,
    noise: float = 0.0,
    secure: bool = False,
    rounds: int = 1,
    weights: Any = (1.0,),
    far: bool = False,
    candidates: int = 6,
    adaptive: bool = True,
    records: int = 24,
    even: bool = False,
) -> RoundsView:
    """Parties of ``records`` records and half of their candidates; ``even``: all have the auxiliary records' topics."""
    cloud, rng = Topical(CLASSES, 8, spread, seed), np.random.default_rng(seed)

    def label() -> Any:
        return CLASSES[int(rng.integers(2))]

    mixes = {p: np.full(TOPICS, 1 / TOPICS) if even else rng.dirichlet(np.ones(TOPICS)) for p in PARTIES}
    drawn = {p: rng.choice(TOPICS, records + candidates, p=mix) for p, mix in mixes.items()}
    some = {p: [cloud.draw(label(), int(topic)) for topic in topics] for p, topics in drawn.items()}
    asked = tuple(Candidate(t, t, t.split()[0], p) for p, texts in some.items() for t in texts[records:])
    inside = {one.id for one in asked if rng.random() < 0.5}
    held = {p: [*texts[:records], *(t for t in texts[records:] if t in inside)] for p, texts in some.items()}
    own = [cloud.draw(label(), i % TOPICS) for i in range(120)]
    names = tuple(own[:TOPICS])
    population = PopulationFacts(
        labels=CLASSES,
        parties=PARTIES,
        topics=names,
        records=len(PARTIES) * (records + candidates // 2),
        alpha=10.0,
        partition="dirichlet" if even else "group",
    )
    facts = (population, VoteFacts(tuple(weights)))
    public = Public(auxiliary=tuple(make(text, label=text.split()[0]) for text in own), facts=facts)
    seen = ask(cloud, rng, held, rounds=rounds, weights=weights, far=far, noise=noise, secure=secure)
    held_topics = {p: [topic_of(cloud, names, text) for text in texts] for p, texts in held.items()}
    truth = {p: {name: topics.count(name) / len(topics) for name in names} for p, topics in held_topics.items()}
    laws = (NoiseLaw("gaussian", noise),) if noise else ()
    return RoundsView(cloud, public, asked, seen, truth=truth, adaptive=adaptive, laws=laws)


def distance(attack: Any, view: RoundsView) -> float:
    scores = DistributionSecret(view.truth).score(attack.guess(view))
    return float(np.mean([s.value for s in scores if s.metric == "tv"]))


def mean_distance(attack: Any, seeds: int = 6, **options: Any) -> Any:
    return np.mean([distance(attack, world(seed, **options)) for seed in range(seeds)])


@pytest.mark.parametrize("weights", [(1.0,), halving(3)])
def test_topics_that_are_apart_are_read_exactly(weights: Any) -> None:
    for seed in range(3):
        assert distance(VoteTopics(), world(seed, weights=weights, rounds=2, adaptive=False)) < 1e-9


def test_votes_tell_topics_that_no_candidate_tells() -> None:
    """The positive control of both variants; far votes are read as well."""
    blind = mean_distance(BlindTopics())
    assert blind > 0.12
    for options in ({}, {"weights": halving(3), "far": True}, {"rounds": 3}):
        assert mean_distance(VoteTopics(), **options) < min(0.06, blind / 2)
    assert mean_distance(VoteTopics(), candidates=0) < mean_distance(BlindTopics(), candidates=0) / 2


def test_noise_alone_leaves_the_blind_guess() -> None:
    for seed in range(4):
        view = world(seed, noise=1e5)
        blind, guess = BlindTopics().guess(view), VoteTopics().guess(view)
        for party in PARTIES:
            assert guess[party] == pytest.approx(blind[party], abs=1e-3)
    blind = mean_distance(BlindTopics(), noise=1e4)
    assert mean_distance(VoteTopics(), noise=1e4, adaptive=False) > blind - 0.03


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0, 4.0, 10.0])
@pytest.mark.parametrize("even", [False, True])
def test_knowing_the_noise_is_no_worse_than_not_knowing_it_or_not_looking(noise: float, even: bool) -> None:
    options: dict[str, Any] = {"noise": noise, "even": even, "seeds": 10}
    knowing = mean_distance(VoteTopics(), **options)
    assert knowing < mean_distance(VoteTopics(), adaptive=False, **options) + 0.01
    assert knowing < mean_distance(BlindTopics(), **options) + 0.01


def test_topics_that_overlap_are_told_by_what_their_records_vote_for() -> None:
    options: dict[str, Any] = {"spread": 2.5, "rounds": 2, "even": True}
    assert mean_distance(VoteTopics(), **options) < mean_distance(VoteTopics(), adaptive=False, **options) - 0.02


def test_of_a_sum_the_parts_are_told_no_worse_than_blindly() -> None:
    view = world(secure=True, adaptive=False)
    assert len({tuple(shares.values()) for shares in VoteTopics().guess(view).values()}) == 1
    for noise in (0.0, 1.0):
        options: dict[str, Any] = {"secure": True, "noise": noise, "even": True, "seeds": 10}
        assert mean_distance(VoteTopics(), **options) < mean_distance(BlindTopics(), **options) + 0.005


def test_the_blind_guess_is_half_of_the_candidates_and_auxiliary_topics_for_the_rest() -> None:
    view = world(records=20, even=True)
    view.candidates = tuple(one for one in view.candidates if one.party != "client2")
    names, cloud = view.public.need(PopulationFacts).topics, view.cloud
    assert isinstance(cloud, Topical)
    known = [topic_of(cloud, names, record.text) for record in view.public.auxiliary]
    everyone = np.array([(known.count(name) + 1 / TOPICS) / 121 for name in names])
    of_class, base = {}, []
    for mark in CLASSES:
        some = [t for t, record in zip(known, view.public.auxiliary, strict=True) if record.label == mark]
        of_class[mark] = (np.array([some.count(name) for name in names]) + everyone) / (len(some) + 1)
        base.append((len(some) + 0.5) / 121)
    for party in PARTIES:
        own = [one for one in view.candidates if one.party == party]
        law = 20.0 * np.array(base) + [sum(one.label == mark for one in own) for mark in CLASSES]
        counts = sum(
            (23 - len(own) / 2) * share * of_class[mark] for mark, share in zip(CLASSES, law / law.sum(), strict=True)
        )
        topics = [topic_of(cloud, names, one.text) for one in own]
        counts = counts + np.array([topics.count(name) for name in names]) / 2
        assert list(BlindTopics().guess(view)[party].values()) == pytest.approx(list(counts / counts.sum()))


def test_candidates_tell_the_topics_of_natural_groups() -> None:
    apart = {"candidates": 20, "seeds": 10}
    assert mean_distance(BlindTopics(), **apart) < 0.6 * mean_distance(BlindTopics(), candidates=0, seeds=10)


def test_groups_of_auxiliary_records_tell_how_far_topics_vary() -> None:
    view, rng = world(), np.random.default_rng(0)
    cloud = view.cloud
    assert isinstance(cloud, Topical)
    for shares, low, high in (
        (np.full((30, TOPICS), 1 / TOPICS), 20.0, 100.0),
        (rng.dirichlet(np.ones(TOPICS), 30), 1.5, 6.0),
    ):
        some = [(f"g{g}", cloud.draw("red", int(t))) for g, p in enumerate(shares) for t in rng.choice(3, 20, p=p)]
        known = tuple(make(text, label="red", group=group) for group, text in some)
        view.public = replace(view.public, auxiliary=known)
        assert low < Topics(view).concentration() < high


def test_without_topics_there_is_nothing_to_guess() -> None:
    view = world()
    bare = with_facts(view.public, replace(view.public.need(PopulationFacts), topics=()))
    for attack in (VoteTopics(), BlindTopics()):
        assert attack.refuses(view.public) is None
        assert "topics" in str(attack.refuses(bare))
    view.transcript = []
    assert VoteTopics().guess(view) == {}
