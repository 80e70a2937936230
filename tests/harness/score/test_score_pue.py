"""PUE of arrays and its gradient agree with PUE of one row."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import LeakboardError
from harness.score import pue, pue_gradient


def test_pue_of_arrays_is_pue_of_each_row() -> None:
    rng = np.random.default_rng(0)
    p, u, e = rng.uniform(-0.3, 1.3, 1000), rng.uniform(-0.5, 1.4, 1000), rng.random(1000)
    p[0], u[1] = np.nan, np.nan
    rows = np.array([pue(*row) for row in zip(p.tolist(), u.tolist(), e.tolist(), strict=True)])
    assert np.isnan(rows[:2]).all() and np.isfinite(rows[2:]).all()
    np.testing.assert_array_max_ulp(pue(p, u, e)[2:], rows[2:], 2)
    with pytest.raises(LeakboardError, match=r"1\.5"):
        pue(p, u, np.where(p > 0.5, 1.5, e))


def test_the_gradient_is_the_slope() -> None:
    at, step = (0.4, 0.7, 0.8), 1e-6
    for axis, slope in enumerate(pue_gradient(*at)):
        above, below = list(at), list(at)
        above[axis] += step
        below[axis] -= step
        assert slope == pytest.approx(
            (pue(above[0], above[1], above[2]) - pue(below[0], below[1], below[2])) / (2 * step), rel=1e-6
        )
    assert pue_gradient(1.0, 1.0, 1.0) == (0.0, 0.0, 0.0)
