"""The noise of prototypes, learned on shadow runs and not taken from the defense's word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attacks.toolkit.prototype_space.moments import class_moments
from attacks.toolkit.prototype_space.space import declared_variance
from attacks.toolkit.prototype_space.space_of_run import pairs_of, space_of
from harness.attack import NoiseLaw
from tests.stand_ins.defended_prototypes import LABELS, world


def test_dummies_and_noisy_counts_do_not_enter_what_is_learned() -> None:
    """The class count that the attacker knows of its own shadow runs stands in every pair."""
    for protocol in ({"dummies": True}, {"counts": 5.0}):
        view = world(**protocol)
        pairs = pairs_of(view, 6, class_moments(view))
        truth = [
            int(shadow.truth["counts"][party][label])
            for shadow in view.bank
            for party in shadow.truth["counts"]
            for label in LABELS
        ]
        assert sorted(pair.count for pair in pairs) == sorted(n for n in truth if n)
        assert all(0 <= pair.unknown <= pair.count for pair in pairs)


def test_what_is_told_counts_where_nothing_is_known() -> None:
    view = world()
    view.bank = [replace(shadow, truth={}) for shadow in view.bank]
    pairs = pairs_of(view, 6, class_moments(view))
    assert len(pairs) > 20 and all(pair.count >= 1 for pair in pairs)


@pytest.mark.parametrize("candidates", [0, 2])
def test_noise_in_proportion_to_the_sensitivity_is_learned(candidates: int) -> None:
    view = world(per_record=2.0, counts=3.0, shadows=20, options={"candidates": candidates, "sizes": (1, 3, 10)})
    space = space_of(view, 20, class_moments(view))
    assert not space.learned
    assert space.per_record == pytest.approx(2.0, rel=0.25)
    assert space.always < 0.05
    assert space.law == (space.always, space.per_record) and space.variance(2) == pytest.approx(
        space.always + space.per_record / 4
    )


def test_noise_that_is_sent_again_does_not_average_out() -> None:
    laws = {"laws": (NoiseLaw("gaussian", 2.0),)}
    once, fresh, short = (
        world(rounds=r, per_record=1.0, fresh=f, shadows=0, options=laws) for r, f in ((8, False), (8, True), (1, True))
    )
    assert declared_variance(once) == declared_variance(short) == 4.0
    assert declared_variance(fresh) == 0.5
    fresh.adaptive = False
    assert declared_variance(fresh) == 0.0
