from __future__ import annotations

from dataclasses import replace
from math import isnan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import LeakboardError
from harness.score import WEIGHTS, Costs, check_weights, dcs, efficiency, pue

PLAIN = Costs(bytes=1000, flops=1e9, peak_memory=2e8, round_trips=10)
unit = st.floats(0, 1)


def test_efficiency_by_hand() -> None:
    assert efficiency(PLAIN, PLAIN) == 1.0
    assert efficiency(replace(PLAIN, bytes=16_000), PLAIN) == pytest.approx(0.5)
    assert efficiency(replace(PLAIN, bytes=10, flops=1e8), PLAIN) == 1.0
    assert efficiency(replace(PLAIN, bytes=4000, flops=4e9), PLAIN) == pytest.approx(0.5)


def test_efficiency_at_zero() -> None:
    nothing = Costs(0, 0, 0, 0)
    assert efficiency(nothing, nothing) == 1.0
    assert efficiency(nothing, PLAIN) == 1.0
    assert efficiency(PLAIN, replace(PLAIN, bytes=0)) == 0.0
    with pytest.raises(LeakboardError, match=r"defended bytes = -1.*undefended flops = nan"):
        efficiency(replace(PLAIN, bytes=-1), replace(PLAIN, flops=float("nan")))


@given(st.lists(st.floats(0, 1e12), min_size=4, max_size=4), st.integers(0, 3), st.floats(1, 100))
def test_costing_more_is_never_more_efficient(costs: list[float], which: int, factor: float) -> None:
    dearer = [c * factor if i == which else c for i, c in enumerate(costs)]
    cheap, dear = efficiency(Costs(*costs), PLAIN), efficiency(Costs(*dearer), PLAIN)
    assert 0 <= dear <= cheap + 1e-12 <= 1 + 1e-9


def test_pue_by_hand() -> None:
    assert pue(1, 1, 1) == 1.0
    assert pue(0, 1, 1) == pytest.approx(1 / (1 + sqrt(0.45)))
    assert pue(0.5, 0.8, 0.9) == pytest.approx(1 / (1 + sqrt(0.45 * 0.25 + 0.45 * 0.04 + 0.1 * 0.01)))
    assert pue(1.3, 1.7, 1) == 1.0
    assert pue(-3, 1, 1) == pue(0, 1, 1)
    assert isnan(pue(float("nan"), 1, 1)) and isnan(pue(1, float("nan"), 1))


def test_weights_are_validated() -> None:
    check_weights(WEIGHTS)
    check_weights((1.0, 0.0, 0.0))
    for bad in ((0.5, 0.5), (0.5, 0.6, -0.1), (0.5, 0.5, 0.5), (float("nan"), 0.5, 0.5)):
        with pytest.raises(LeakboardError, match="weights"):
            pue(1, 1, 1, bad)
    with pytest.raises(LeakboardError, match="outside"):
        pue(1, 1, 1.5)


@given(unit, unit, unit, unit)
def test_pue_rises_with_each_part(p: float, u: float, e: float, more: float) -> None:
    base = pue(p, u, e)
    assert 0.5 <= base <= 1
    assert pue(max(p, more), u, e) >= base
    assert pue(p, max(u, more), e) >= base
    assert pue(p, u, max(e, more)) >= base


def test_dcs_by_hand() -> None:
    assert dcs(1.0, 0.9, ideal_task=0.9) == pytest.approx(1 / (1 + sqrt(0.5)))
    assert dcs(0.0, 0.0) == pytest.approx(1 / (1 + sqrt(0.5)))
    assert dcs(0.3, 0.8, 0.2, ideal_task=0.9) == pytest.approx(1 / (1 + sqrt(0.8 * 0.09 + 0.2 * 0.01)))
    assert dcs(-0.2, 0.95, ideal_task=0.9) == 1.0
    with pytest.raises(LeakboardError, match="beta"):
        dcs(0, 1, beta=2)


@given(unit, unit, unit)
def test_pue_without_efficiency_is_the_form_of_dcs(leaked: float, task: float, share: float) -> None:
    assert pue(1 - leaked, task, 1.0, (1 - share, share, 0.0)) == pytest.approx(dcs(leaked, task, share))
