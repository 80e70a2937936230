"""Label attacks on logits: parties of uneven classes, under defenses, and on noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from attacks.label_inference.answer_shares import log_shares, nothing_but_labels
from attacks.label_inference.argmax_histogram import ArgmaxHistogram
from attacks.label_inference.black_box_shift import BlackBoxShift
from attacks.label_inference.blind_classes import BlindClasses
from attacks.label_inference.logit_presence import LogitPresence
from attacks.label_inference.logit_shares import LogitShares
from attacks.label_inference.mean_softmax import MeanSoftmax
from attacks.label_inference.prior_fit import PriorFit
from harness.attack import DefenseCard
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.plugins.submission import load_submission
from harness.runtime.host import load_defense_class
from harness.scenario.aggregate import DistributionSecret, PresenceSecret
from harness.wire.message import Kind, Message
from tests.stand_ins.logit_world import hardened, passive_view
from tests.stand_ins.rounds_view import RoundsView

UNEVEN = {"candidates": 1, "sizes": (1, 3, 10, 40), "public": 240, "parties": 5, "spread": 12.0, "size": 24}
SOFT = [MeanSoftmax(), PriorFit(), LogitShares()]
HARD = [ArgmaxHistogram(), BlackBoxShift(), PriorFit(), LogitShares()]


def truth(view: RoundsView) -> Any:
    return {p: {c: n / sum(row.values()) for c, n in row.items()} for p, row in view.truth["counts"].items()}


def distance(attack: Any, views: Sequence[RoundsView]) -> Any:
    scores = [s for view in views for s in DistributionSecret(truth(view)).score(attack.guess(view))]
    assert {s.metric for s in scores} == {"tv", "js"}
    return np.mean([s.value for s in scores if s.metric == "tv"])


def worlds(seeds: int = 4, **options: Any) -> list[RoundsView]:
    return [passive_view(seed=seed, **{"shadows": 0, **UNEVEN, **options}) for seed in range(seeds)]


@pytest.fixture(scope="module")
def plain() -> Any:
    return worlds(shadows=4)


@pytest.mark.parametrize("attack", SOFT, ids=lambda a: a.name)
def test_shares_are_found_better_than_blindly(attack: Any, plain: Any) -> None:
    assert distance(attack, plain) < 0.5 * distance(BlindClasses(), plain)


@pytest.fixture(scope="module")
def labels_alone() -> Any:
    return worlds(shadows=4, send=hardened)


@pytest.mark.parametrize("attack", HARD, ids=lambda a: a.name)
def test_hard_labels_leak_shares_too(attack: Any, labels_alone: Any) -> None:
    assert distance(attack, labels_alone) < 0.75 * distance(BlindClasses(), labels_alone)


def shipped_labels(x: Any, rng: np.random.Generator) -> Any:
    """Logits after the submission hard_labels: votes of a weight that is no certainty."""
    submission = load_submission(Path(__file__).parents[3] / "submissions" / "hard_labels")
    defense = load_defense_class(submission.folder, submission.target)(**submission.points[0].parameters)
    sent = defense.send(Message(Kind.LOGITS, {"logits": torch.from_numpy(x).float()}))
    return sent["logits"].double().numpy()


def test_the_prior_fit_takes_votes_for_labels() -> None:
    """Shipped votes are read as labels are, and then the fit loses little where the histogram is right, and gains where
    texts say something."""
    gains = []
    for spread in (12.0, 4.0, 2.0):
        views = worlds(send=shipped_labels, spread=spread)
        fit, histogram = distance(PriorFit(), views), distance(ArgmaxHistogram(), views)
        assert fit == pytest.approx(distance(PriorFit(), worlds(send=hardened, spread=spread)), abs=1e-3)
        gains.append(histogram - fit)
    assert min(gains) > -0.02 and np.mean(gains) > 0.03


def test_only_votes_are_nothing_but_labels() -> None:
    rng = np.random.default_rng(0)
    logits = 3.0 * rng.normal(size=(2, 50, 6))
    votes = np.where(logits == logits.max(-1, keepdims=True), 5.0, -1.0)
    assert nothing_but_labels(log_shares(votes)) and nothing_but_labels(log_shares(hardened(logits[0], rng)))
    weighted = votes * (1.0 + 0.01 * rng.random((2, 50, 1)))  # the weight of each vote tells something
    other = votes.copy()
    other[0, 0, :2] += 0.1
    for said in (logits, weighted, other, np.zeros((2, 50, 6))):
        assert not nothing_but_labels(log_shares(said))


def test_the_best_on_shadows_is_as_good_as_the_prior_fit_under_noise() -> None:
    views = worlds(shadows=5, send=lambda x, rng: x + 6.0 * rng.normal(size=x.shape))
    assert distance(LogitShares(), views) < distance(PriorFit(), views)


def test_a_known_temperature_is_undone() -> None:
    views = worlds(send=lambda x, rng: x / 4.0)
    oblivious = distance(PriorFit(), views)
    for view in views:
        view.defense = DefenseCard("tempered", {"temperature": 4.0}, "")
    adaptive = distance(PriorFit(), views)
    for view in views:
        view.adaptive = False
    assert adaptive < 0.8 * oblivious and distance(PriorFit(), views) == oblivious


def test_cut_classes_are_filled_from_the_reference() -> None:
    def top_two(x: Any, rng: np.random.Generator) -> Any:
        return np.where(x >= np.sort(x, axis=1)[:, -2:-1], x, -np.inf)

    views = worlds(send=top_two)
    for attack in SOFT:
        assert distance(attack, views) < 0.9 * distance(BlindClasses(), views)


def test_noise_alone_is_no_better_than_blind() -> None:
    views = worlds(shadows=3, send=lambda x, rng: rng.normal(size=x.shape))
    blind = distance(BlindClasses(), views)
    for attack in (*SOFT, ArgmaxHistogram(), BlackBoxShift()):
        assert distance(attack, views) > 0.85 * blind


def presence(views: Sequence[RoundsView], adaptive: bool = False) -> Any:
    """AUC, and balanced accuracy of the threshold 1/2."""
    scores, labels = [], []
    for view in views:
        view.adaptive = adaptive
        held = {p: {c: int(n > 0) for c, n in row.items()} for p, row in view.truth["counts"].items()}
        scored = PresenceSecret(held).score(LogitPresence().guess(view))
        scores += [s.value for s in scored if s.metric == "score" and s.value is not None]
        labels += [s.value == 1.0 for s in scored if s.metric == "label"]
    said, there = np.array(scores) >= 0.5, np.array(labels)
    return auc(scores, labels), (said[there].mean() + (~said[~there]).mean()) / 2


def test_absent_classes_are_told() -> None:
    sparse: dict[str, Any] = {"sizes": (0, 20), "candidates": 0, "seeds": 6}
    assert presence(worlds(**sparse))[0] > 0.95
    noise = worlds(**sparse, send=lambda x, rng: rng.normal(size=x.shape))
    assert presence(noise)[0] == pytest.approx(0.5, abs=0.15)


def noisy(x: Any, rng: np.random.Generator) -> Any:
    return x + 4 * rng.normal(size=x.shape)


def cooled(x: Any, rng: np.random.Generator) -> Any:
    return x / 40.0


@pytest.mark.parametrize("send", [cooled, noisy, shipped_labels])
def test_shadows_tell_where_present_classes_begin_and_which_score_survives_the_defense(send: Any) -> None:
    views = worlds(sizes=(0, 0, 4, 20), candidates=0, seeds=5, shadows=5, send=send)
    plain, learned = presence(views), presence(views, adaptive=True)
    assert learned[0] > plain[0] - 0.01 and learned[1] > plain[1] + 0.015
    assert learned[1] > 0.8


def test_under_noise_shadows_teach_another_score_than_the_largest_answer() -> None:
    views = worlds(sizes=(0, 0, 4, 20), candidates=0, seeds=5, shadows=5, send=noisy)
    assert presence(views, adaptive=True)[0] > presence(views)[0] + 0.05


def test_presence_is_not_learned_from_shadows_that_miss_no_class() -> None:
    (view,) = worlds(sizes=(5, 20), seeds=1, shadows=4)
    guess = LogitPresence().guess(view)
    view.adaptive = False
    assert LogitPresence().guess(view) == guess


def test_consensus_stands_in_for_parties_that_are_not_seen() -> None:
    view = passive_view(shadows=0, consensus=True, **UNEVEN)
    view.transcript = [s for s in view.transcript if s.sender == "server"]
    guess = PriorFit().guess(view)
    assert set(guess) == set(view.truth["counts"]) and len({tuple(row.values()) for row in guess.values()}) == 1


def test_unknown_public_texts_are_said() -> None:
    with pytest.raises(SuiteError, match="need public texts"):
        PriorFit().guess(passive_view(shadows=0, public_texts=(), **UNEVEN))
