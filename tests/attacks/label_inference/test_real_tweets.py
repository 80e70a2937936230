"""Class presence and shares from logits on real tweets at Dirichlet 0.1, where most clients lack most classes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attacks.label_inference.logit_presence import LogitPresence
from attacks.label_inference.mean_softmax import MeanSoftmax
from attacks.toolkit.view import labels_of, population_of
from harness.adversary.view import TargetView
from harness.attack import Guess
from harness.metrics.membership import auc
from harness.runtime.runner import Runner
from scenarios.logit_kd.build import build
from scenarios.logit_kd.settings import Settings
from tests.stand_ins.live_view import live_view

pytestmark = pytest.mark.slow

SETTINGS = {
    "data": "health_tweets",
    "data_options": {"label_column": "group"},
    "classes": 6,
    "rounds": 2,
    "epochs": 12,
    "clients": 6,
    "alpha": 0.1,
    "least": 12,
    "records": 720,
    "auxiliary": 1200,
    "public": 160,
    "test": 60,
}


@pytest.fixture(scope="module", params=[0, 1])
def view(request: pytest.FixtureRequest) -> Iterator[TargetView]:
    with Runner(isolation="none", threads=1) as runner:
        yield live_view(runner, build(Settings.read("tweets", SETTINGS), ("tweets", request.param)), shadows=4)


@pytest.mark.parametrize("adaptive", [False, True])
def test_absent_classes_are_told(view: TargetView, adaptive: bool) -> None:
    view.adaptive = adaptive
    scores = view.deployment.secrets["class_presence"].score(LogitPresence().guess(view))
    rows = {m: [s.value for s in scores if s.metric == m and s.value is not None] for m in ("score", "label")}
    assert len(rows["label"]) == 30 and auc(rows["score"], rows["label"]) >= 0.95


def test_mean_shares_halve_the_distance_of_equal_shares(view: TargetView) -> None:
    secret = view.deployment.secrets["label_distribution"]
    equal = {party: dict.fromkeys(labels_of(view.public), 1 / 6) for party in population_of(view.public).parties}

    def distance(guess: Guess) -> float:
        values = [s.value for s in secret.score(guess) if s.metric == "tv"]
        return sum(v for v in values if v is not None) / len(values)

    assert distance(MeanSoftmax().guess(view)) <= 0.5 * distance(equal)
