"""Property inference as plugins: a planted property in what parties share, and none."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from attacks.property_inference import ATTACKS
from attacks.property_inference.plugins import BlindProperty, PropertyLogits, PropertyPrototypes
from harness.attack import Attack, Public, SeenMessage, Shadow
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.plugins.registry import load
from harness.scenario.aggregate import PropertySecret
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message
from tests.attacks.rounds_lab import Cloud, RoundsView

from .worlds import CLASSES, planted

PARTIES = 6
NAMES = tuple(str(c) for c in range(CLASSES))


def view_of(kind, seed, shares, runs=10, **options):
    """Runs of six parties each; the first is live. Every party has the property or not on its own."""
    made = planted(np.random.default_rng(seed), runs=PARTIES * runs, shares=shares)
    rows = np.arange(PARTIES * runs).reshape(runs, PARTIES)
    shadows = [_run(kind, made, some) for some in rows]
    facts = {"labels": NAMES, "parties": [f"client{k}" for k in range(PARTIES)], "public_texts": [""] * 150}
    live = shadows[0]
    view = RoundsView(Cloud(), Public(facts=facts), (), live.transcript, shadows[1:], **options)
    return replace(view, truth=live.truth)


def _run(kind, made, rows):
    seen = []
    for k, row in enumerate(rows):
        if kind is Kind.LOGITS:
            payload = {"logits": torch.from_numpy(made.logits[row]).float()}
        else:
            one = made.prototypes[row]
            payload = {"means": torch.from_numpy(np.stack(list(one.values()))).float(), "classes": list(one)}
        seen.append(SeenMessage(f"client{k}", SERVER, Message(kind, payload)))
    return Shadow(seen, {}, {}, {"property": {f"client{k}": int(made.has[row]) for k, row in enumerate(rows)}})


def power(attack, views):
    scores, labels = [], []
    for view in views:
        found = PropertySecret(view.truth["property"]).score(attack.guess(view))
        scores += [s.value for s in found if s.metric == "score"]
        labels += [int(s.value) for s in found if s.metric == "label"]
    return auc(scores, labels)


@pytest.mark.parametrize(
    ("attack", "kind"),
    [(PropertyLogits(), Kind.LOGITS), (PropertyPrototypes(), Kind.PROTOTYPE)],
    ids=["logits", "means"],
)
def test_a_planted_property_is_found_and_equal_shares_are_not(attack, kind):
    assert power(attack, [view_of(kind, seed, (0.2, 0.8)) for seed in range(5)]) > 0.9
    assert power(attack, [view_of(kind, seed, (0.5, 0.5), runs=6) for seed in range(24)]) == pytest.approx(
        0.5, abs=0.16
    )


def test_the_blind_guess_is_the_same_for_everyone():
    view = view_of(Kind.LOGITS, 0, (0.2, 0.8))
    guess = BlindProperty().guess(view)
    assert set(guess) == set(view.truth["property"]) and len(set(guess.values())) == 1
    assert 0.3 < next(iter(guess.values())) < 0.7


def test_shadows_without_the_property_are_said():
    view = view_of(Kind.LOGITS, 0, (0.2, 0.8))
    with pytest.raises(SuiteError, match="0 of 0 parties"):
        PropertyLogits().guess(replace(view, bank=()))
    plain = [replace(shadow, truth={"property": dict.fromkeys(shadow.truth["property"], 1)}) for shadow in view.bank]
    with pytest.raises(SuiteError, match="54 of 54 parties"):
        PropertyLogits().guess(replace(view, bank=plain))


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_plugin_is_found_and_complete(name):
    made = load("attack", name)
    assert inspect.isclass(made) and issubclass(made, Attack)
    assert made.name == name and made.summary and made.source and made.secret == "property"
