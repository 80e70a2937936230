"""The label-distribution attacks as plugins: parties of uneven classes, under defenses, and on noise."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from attacks.label_distribution import ATTACKS
from attacks.label_distribution.fitted import BlackBoxShift, LogitPresence, LogitShares, PriorFit
from attacks.label_distribution.simple import ArgmaxHistogram, MeanSoftmax
from attacks.prototype.class_presence import BlindClasses
from harness.aggregate import DistributionSecret, PresenceSecret
from harness.attack import Attack, DefenseCard
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.registry import load
from tests.attacks.logit_lab import hardened, passive_view

UNEVEN = {"candidates": 1, "sizes": (1, 3, 10, 40), "public": 240, "parties": 5, "spread": 12.0, "size": 24}
SOFT = [MeanSoftmax(), PriorFit(), LogitShares()]
HARD = [ArgmaxHistogram(), BlackBoxShift(), PriorFit(), LogitShares()]


def truth(view):
    return {p: {c: n / sum(row.values()) for c, n in row.items()} for p, row in view.truth["counts"].items()}


def distance(attack, views):
    scores = [s for view in views for s in DistributionSecret(truth(view)).score(attack.guess(view))]
    assert {s.metric for s in scores} == {"tv", "js"}
    return np.mean([s.value for s in scores if s.metric == "tv"])


def worlds(seeds=4, **options):
    return [passive_view(seed=seed, **{"shadows": 0, **UNEVEN, **options}) for seed in range(seeds)]


@pytest.fixture(scope="module")
def plain():
    return worlds(shadows=4)


@pytest.mark.parametrize("attack", SOFT, ids=lambda a: a.name)
def test_shares_are_found_better_than_blindly(attack, plain):
    assert distance(attack, plain) < 0.5 * distance(BlindClasses(), plain)


@pytest.mark.parametrize("attack", HARD, ids=lambda a: a.name)
def test_hard_labels_leak_shares_too(attack):
    views = worlds(shadows=4, send=hardened)
    assert distance(attack, views) < 0.75 * distance(BlindClasses(), views)


def test_the_best_on_shadows_is_as_good_as_the_prior_fit_under_noise():
    views = worlds(shadows=5, send=lambda x, rng: x + 6.0 * rng.normal(size=x.shape))
    assert distance(LogitShares(), views) < distance(PriorFit(), views)


def test_a_known_temperature_is_undone():
    views = worlds(send=lambda x, rng: x / 4.0)
    oblivious = distance(PriorFit(), views)
    for view in views:
        view.defense = DefenseCard("tempered", {"temperature": 4.0}, "")
    adaptive = distance(PriorFit(), views)
    for view in views:
        view.adaptive = False
    assert adaptive < 0.8 * oblivious and distance(PriorFit(), views) == oblivious


def test_cut_classes_are_filled_from_the_reference():
    def top_two(x, rng):
        return np.where(x >= np.sort(x, axis=1)[:, -2:-1], x, -np.inf)

    views = worlds(send=top_two)
    for attack in SOFT:
        assert distance(attack, views) < 0.9 * distance(BlindClasses(), views)


def test_noise_alone_is_no_better_than_blind():
    views = worlds(shadows=3, send=lambda x, rng: rng.normal(size=x.shape))
    blind = distance(BlindClasses(), views)
    for attack in (*SOFT, ArgmaxHistogram(), BlackBoxShift()):
        assert distance(attack, views) > 0.85 * blind


def presence(views):
    scores, labels = [], []
    for view in views:
        held = {p: {c: int(n > 0) for c, n in row.items()} for p, row in view.truth["counts"].items()}
        found = PresenceSecret(held).score(LogitPresence().guess(view))
        scores += [s.value for s in found if s.metric == "score"]
        labels += [int(s.value) for s in found if s.metric == "label"]
    return auc(scores, labels)


def test_absent_classes_are_told():
    sparse = {"sizes": (0, 20), "candidates": 0, "seeds": 6}
    assert presence(worlds(**sparse)) > 0.95
    noise = worlds(**sparse, send=lambda x, rng: rng.normal(size=x.shape))
    assert presence(noise) == pytest.approx(0.5, abs=0.15)


def test_consensus_stands_in_for_parties_that_are_not_seen():
    view = passive_view(shadows=0, consensus=True, **UNEVEN)
    view.transcript = [s for s in view.transcript if s.sender == "server"]
    guess = PriorFit().guess(view)
    assert set(guess) == set(view.truth["counts"]) and len({tuple(row.values()) for row in guess.values()}) == 1


def test_unknown_public_texts_are_said():
    with pytest.raises(SuiteError, match="public_texts among"):
        PriorFit().guess(passive_view(shadows=0, facts={"public_texts": ()}, **UNEVEN))


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_plugin_is_found_and_complete(name):
    made = load("attack", name)
    assert inspect.isclass(made) and issubclass(made, Attack)
    assert made.name == name and made.summary and made.source
    assert made.secret in ("label_distribution", "class_presence")
