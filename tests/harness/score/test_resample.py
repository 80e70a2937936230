from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, norm, t

from harness.errors import LeakboardError
from harness.score import clopper_pearson
from harness.score.exact import exact_reach
from harness.score.resample import resample, standard_errors, studentise
from harness.score.sheets import align


def test_clopper_pearson_against_tables_and_its_definition() -> None:
    assert clopper_pearson(0, 500) == pytest.approx((0.0, 1 - 0.025 ** (1 / 500)))
    assert clopper_pearson(20, 20) == pytest.approx((0.025 ** (1 / 20), 1.0))
    assert clopper_pearson(3, 10, 0.1) == pytest.approx((beta.ppf(0.05, 3, 8), beta.ppf(0.95, 4, 7)))
    for bad in ((-1, 5, 0.05), (6, 5, 0.05), (0, 0, 0.05), (1, 5, 0.0)):
        with pytest.raises(LeakboardError, match="no proportion"):
            clopper_pearson(*bad)


def test_exact_reach_has_no_jump_between_none_and_a_little() -> None:
    for proportion in (True, False):
        assert exact_reach(0.0, 200, 0.05, proportion) == pytest.approx((0.0, clopper_pearson(0, 200)[1]))
        assert exact_reach(1.0, 200, 0.05, proportion) == pytest.approx((1 - clopper_pearson(200, 200)[0], 0.0))
    down, up = exact_reach(0.5, 200, 0.05, False)
    assert down > 0 < up


def test_the_bootstrap_finds_the_standard_error_of_a_mean(scores: Any) -> None:
    rng = np.random.default_rng(0)
    values = rng.random(40)
    study = align([scores("a", values.tolist())], [scores("b", [0.1] * 40)])
    columns = resample(study, rng, 20_000)
    assert columns.mean == pytest.approx([values.mean(), 0.1])
    expected = values.std(ddof=1) / np.sqrt(40)
    assert standard_errors(columns.parts, columns.draws) == pytest.approx([expected, 0.0], rel=0.03)


def test_records_of_one_cluster_move_together(scores: Any) -> None:
    rng = np.random.default_rng(0)
    per_client = rng.random(30)
    entries = [scores("a", np.repeat(per_client, 8).tolist())], [scores("b", [0.1] * 240)]
    clients = {f"r{i:03d}": f"client{i // 8}" for i in range(240)}
    columns = resample(align(*entries, clients), rng, 20_000)
    expected = per_client.std(ddof=1) / np.sqrt(30)
    assert standard_errors(columns.parts, columns.draws)[0] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("seeds", [2, 5, 9])
def test_a_quantity_that_varies_by_seed_alone_follows_student_t(seeds: int) -> None:
    rng = np.random.default_rng(2)
    parts = rng.standard_normal((seeds, 1))
    parts -= parts.mean()
    se, ratios = studentise(parts / seeds, np.zeros((40_000, seeds, 1)), rng)
    assert se[0] == pytest.approx(parts.std(ddof=1) / np.sqrt(seeds))
    assert np.quantile(np.abs(ratios), 0.95) == pytest.approx(t.ppf(0.975, seeds - 1), rel=0.06)


def test_sampling_noise_alone_is_not_taken_for_a_seed_effect(world: Any) -> None:
    errors, c = [], []
    for i in range(30):
        rng = np.random.default_rng([5, i])
        columns = resample(align(*world(means=(0.4,), records=100).draw(rng)), rng, 500)
        errors.append(standard_errors(columns.parts, columns.draws)[0])
        c.append(np.quantile(np.abs(studentise(columns.parts, columns.draws, rng)[1][:, 0]), 0.95))
    expected = 0.05 / np.sqrt(500)
    assert expected * 0.95 < np.mean(errors) < expected * 1.4
    assert norm.ppf(0.975) * 0.85 < np.mean(c) < t.ppf(0.975, 4)


def test_one_draw_of_weights_serves_every_entry_and_seed(world: Any) -> None:
    """Two identical entries get identical draws; a record of the same name at another seed is another record."""
    rng = np.random.default_rng(3)
    attacks, blinds = world(means=(0.4,)).draw(rng)
    twin = type(attacks[0])("twin", "m", attacks[0].values)
    columns = resample(align([*attacks, twin], blinds), rng, 300)
    assert np.array_equal(columns.draws[..., 0], columns.draws[..., 1])
    first, second = columns.draws[:, 0, 0], columns.draws[:, 1, 0]
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2
