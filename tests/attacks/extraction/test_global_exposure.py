"""Exposure of canaries in global models, as a client ranks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacks.extraction.global_exposure import GlobalExposure
from attacks.toolkit.exposure import alternatives
from attacks.toolkit.readers.global_models import Asker, global_states
from attacks.toolkit.view import seeded_rng
from harness.scenario.deployment import Deployment
from tests.stand_ins.global_models import altered, client_view, coins, federation, memorised


@pytest.fixture(scope="module")
def deployment(toy_folder: Path) -> Deployment:
    return federation(toy_folder)


def test_memorised_canaries_are_exposed_and_others_are_not(deployment: Deployment) -> None:
    members = coins(deployment, 0)
    attack = GlobalExposure(references=31, every=True)
    guess = attack.guess(client_view(deployment, memorised(deployment, members)))
    inside, outside = ([guess[n] for n, x in members.items() if x is wanted] for wanted in (True, False))
    assert np.mean(inside) > 4.0, "of at most 5 bits"
    assert np.mean(outside) < np.mean(inside) - 1.0, "real texts are more usual than the alternatives: over 1.44 bits"
    facts: Any = attack.facts(deployment.secrets["membership"].score(guess))
    assert len(facts["bits_inside"]) == len(facts["bits_outside"]) == 2, "one number for each global model"


def test_a_frozen_model_exposes_nothing(deployment: Deployment) -> None:
    run = memorised(deployment, coins(deployment, 0), steps=0)
    guess = GlobalExposure().guess(client_view(deployment, run))
    assert set(guess.values()) == {float(np.log2(32) - np.log2(1 + 31 / 2))}, "all equal: half count as likelier"


def test_noise_exposes_as_much_as_chance(deployment: Deployment) -> None:
    """A rank among texts drawn alike has mean exposure log2 e = 1.44 bits and a standard deviation of as much."""
    run = memorised(deployment, coins(deployment, 0), steps=0)
    start = dict(global_states(client_view(deployment, run).transcript)[0])
    bits = GlobalExposure(every=True, prefix=0.0).guess(
        client_view(deployment, altered(run, {0: 0.02, 1: 0.02}, start))
    )
    assert abs(np.mean(list(bits.values())) - 1.44) < 1.2


def test_exposure_is_the_rank_of_the_definition(deployment: Deployment) -> None:
    """Carlini et al. (2019), definition 5: log2 |R| less log2 of the rank, every text asked about by itself."""
    view = client_view(deployment, memorised(deployment, coins(deployment, 1), steps=2))
    guess = GlobalExposure(references=7).guess(view)
    asker, rng = Asker(view.public), seeded_rng(view)
    last, pool = global_states(view.transcript)[-1], [record.text for record in view.public.auxiliary]
    for one in deployment.candidates:
        texts = [one.text, *alternatives(one.text, pool, 7, 0.5, rng)]
        gained = [float(asker.ask(last, [(t, one.label)])[0] - asker.ask({}, [(t, one.label)])[0]) for t in texts]
        # A text that equals the candidate's may differ by rounding: such ties count half.
        higher = sum(g > gained[0] + 1e-6 for g in gained[1:])
        equal = sum(abs(g - gained[0]) <= 1e-6 for g in gained[1:])
        assert guess[one.id] == pytest.approx(
            np.log2(8) - np.log2(1 + higher + 0.5 * equal), abs=0.35 * bool(equal) + 1e-9
        )
