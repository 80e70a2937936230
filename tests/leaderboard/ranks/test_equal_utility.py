"""Privacy at equal utility: closed forms of the rule, which neither interpolates nor extrapolates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leaderboard.ranks.equal_utility import Curve, Measured, best_at, common_level


def curve(*points: tuple[float, float], alone: float | None = None) -> Curve:
    return Curve(tuple(Measured(f"p{i}", u, p) for i, (u, p) in enumerate(points)), alone)


THREE = curve((0.9, 0.0), (0.8, 0.3), (0.6, 0.9))


def test_the_level_is_the_least_of_the_greatest_utilities() -> None:
    assert common_level({"a": THREE, "b": curve((0.7, 0.5), (0.65, 0.6))}) == 0.7
    assert common_level({"a": THREE}) == 0.9
    assert common_level({}) is None
    assert common_level({"a": curve()}) is None


def test_a_system_that_is_worse_than_none_sets_no_level() -> None:
    useless = curve((0.4, 0.9), alone=0.6)
    assert not useless.pays
    assert common_level({"a": THREE, "b": useless}) == 0.9
    assert common_level({"b": useless}) is None
    assert not curve((0.6, 0.9), alone=0.6).pays
    assert curve((0.61, 0.9), alone=0.6).pays


def test_the_best_measured_point_that_is_useful_enough() -> None:
    chosen = [best_at(THREE, least) for least in (0.9, 0.85, 0.8, 0.7, 0.6, 0.1)]
    assert [point.privacy if point else None for point in chosen] == [0.0, 0.0, 0.3, 0.3, 0.9, 0.9]


def test_beyond_the_most_useful_point_there_is_none() -> None:
    assert best_at(THREE, 0.91) is None
    assert best_at(curve(), 0.0) is None


def test_of_points_as_private_the_more_useful() -> None:
    chosen = best_at(curve((0.7, 0.5), (0.8, 0.5), (0.75, 0.4)), 0.6)
    assert chosen is not None
    assert (chosen.name, chosen.utility) == ("p1", 0.8)


POINTS = st.lists(st.tuples(st.floats(0, 1), st.floats(-0.5, 1)), min_size=1, max_size=6)


@given(st.lists(POINTS, min_size=1, max_size=4), st.floats(0, 1))
def test_every_curve_reaches_the_level_and_asking_less_never_costs_privacy(
    systems: list[list[tuple[float, float]]], share: float
) -> None:
    curves = {f"s{i}": curve(*points) for i, points in enumerate(systems)}
    level = common_level(curves)
    assert level is not None
    for one in curves.values():
        at_level, below = best_at(one, level), best_at(one, share * level)
        assert at_level is not None
        assert below is not None
        assert at_level in one.points
        assert below.privacy >= at_level.privacy
    assert any(best_at(one, level + 1e-9) is None for one in curves.values())
