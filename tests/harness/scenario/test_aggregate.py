"""Aggregate and membership secrets against closed forms, and guesses that make no sense."""

from __future__ import annotations

from math import log2

import pytest

from harness.errors import ProtocolError
from harness.scenario.aggregate import CountSecret, DistributionSecret, PresenceSecret, PropertySecret
from harness.scenario.membership import MembershipSecret
from harness.store.schema import Score


def values(scores: tuple[Score, ...]) -> dict[tuple[str, str], float | None]:
    return {(s.record, s.metric): s.value for s in scores}


def test_distances_of_distributions() -> None:
    secret = DistributionSecret({"p": {"a": 0.5, "b": 0.5}, "q": {"a": 1.0, "b": 0.0}})
    perfect = values(secret.score({"p": {"a": 2, "b": 2}, "q": {"a": 1.0}}))
    assert set(perfect.values()) == {0.0}
    found = values(secret.score({"p": {"a": 1.0, "b": 0.0}, "q": {"a": 0.0, "b": 1.0}}))
    assert found["q", "tv"] == found["q", "js"] == 1.0
    assert found["p", "tv"] == 0.5
    expected = 0.5 * (0.5 * log2(0.5 / 0.75) + 0.5 * log2(0.5 / 0.25)) + 0.5 * log2(1 / 0.75)
    assert found["p", "js"] == pytest.approx(expected)
    assert values(secret.score({}))["q", "tv"] == 0.5  # no guess is the uniform guess


@pytest.mark.parametrize("guess", [{"a": -0.1, "b": 1.1}, {"a": 0.0, "b": 0.0}, {"c": 1.0}, {"a": float("nan")}])
def test_shares_must_be_shares(guess: dict[str, float]) -> None:
    with pytest.raises(ProtocolError):
        DistributionSecret({"p": {"a": 0.5, "b": 0.5}}).score({"p": guess})


def test_presence_property_and_count() -> None:
    presence = values(PresenceSecret({"p": {"a": 1, "b": 0}}).score({"p": {"a": 0.9}}))
    assert presence == {("p/a", "score"): 0.9, ("p/a", "label"): 1.0, ("p/b", "score"): 0.5, ("p/b", "label"): 0.0}
    assert values(PropertySecret({"p": 1}).score({"p": 3}))["p", "score"] == 3.0
    count = values(CountSecret({"p": {"a": 4, "b": 2}}).score({"p": {"a": 3.7}}))
    assert (count["p/a", "exact"], count["p/b", "exact"]) == (1.0, 0.0)
    assert count["p/a", "absolute_error"] == pytest.approx(0.3) and count["p/b", "absolute_error"] == 2.0
    with pytest.raises(ProtocolError, match="not a finite number"):
        PropertySecret({"p": 1}).score({"p": "yes"})


def test_membership_scores_carry_target_label_and_canary() -> None:
    secret = MembershipSecret({"x": 1, "y": 0}, frozenset({"x"}))
    live = values(secret.score({"x": 2.0, "y": -1.0}))
    assert live["0:x", "label"] == live["0:x", "canary"] == 1.0
    assert live["0:y", "score"] == -1.0
    other = values(secret.score_target({"x": 2.0, "y": -1.0}, 3, {"x": False, "y": True}))
    assert (other["3:x", "label"], other["3:y", "label"]) == (0.0, 1.0)


@pytest.mark.parametrize("guess", [{"x": 1.0}, {"x": 1.0, "y": float("inf")}, {"x": 1.0, "y": None}])
def test_every_candidate_needs_a_score(guess: dict[str, object]) -> None:
    with pytest.raises(ProtocolError, match="target 0"):
        MembershipSecret({"x": 1, "y": 0}).score(guess)


def test_labels_and_canaries_must_fit() -> None:
    with pytest.raises(ProtocolError, match=r"not 0 or 1.*canaries without a label"):
        MembershipSecret({"x": 2}, frozenset({"z"}))
