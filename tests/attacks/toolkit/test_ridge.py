from __future__ import annotations

from typing import Any

import pytest
import torch

from attacks.toolkit.ridge import fit_ridge


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def draw(rows: Any, width: int, out: Any, seed: int = 0) -> Any:
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, width, generator=rng) * torch.linspace(0.1, 5, width) + 3
    return x, x @ torch.randn(width, out, generator=rng) + torch.randn(out, generator=rng)


def test_recovers_an_exact_linear_map() -> None:
    x, y = draw(200, 12, 5)
    fitted = fit_ridge(x, y, 0.0)
    left = fit_ridge(x[:150], y[:150], 0.0)
    torch.testing.assert_close(fitted(x), y, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(left(x[150:]), y[150:], atol=1e-3, rtol=1e-4)


def test_equals_the_penalised_least_squares_of_the_standardised_inputs() -> None:
    x, y = draw(40, 6, 3)
    y = y + torch.randn(y.shape, generator=torch.Generator().manual_seed(2))
    scaled = (x - x.mean(0)) / x.std(0, correction=0)
    rows = torch.cat([scaled, 7.0**0.5 * torch.eye(6)])
    target = torch.cat([y - y.mean(0), torch.zeros(6, 3)])
    slope = torch.linalg.lstsq(rows.double(), target.double()).solution.float()
    expected = scaled @ slope + y.mean(0)
    torch.testing.assert_close(fit_ridge(x, y, 7.0)(x), expected, atol=1e-4, rtol=1e-4)


def test_noise_variance_is_the_limit_of_many_noisy_copies() -> None:
    x, y = draw(60, 4, 2)
    rng = torch.Generator().manual_seed(1)
    copies = 4000
    noisy = x.repeat(copies, 1) + 1.5 * torch.randn(60 * copies, 4, generator=rng)
    by_copies = fit_ridge(noisy, y.repeat(copies, 1), 0.0)
    in_closed_form = fit_ridge(x, y, 0.0, noise_variance=1.5**2)
    torch.testing.assert_close(in_closed_form.weight, by_copies.weight, atol=0.02, rtol=0.02)
    per_coordinate = fit_ridge(x, y, 0.0, noise_variance=torch.full((4,), 2.25))
    torch.testing.assert_close(per_coordinate.weight, in_closed_form.weight)


def test_constant_columns_and_fewer_rows_than_columns_are_no_obstacle() -> None:
    x, y = draw(5, 12, 2)
    x[:, 3] = 4.0
    fitted = fit_ridge(x, y, 0.0)
    assert torch.isfinite(fitted.weight).all()
    torch.testing.assert_close(fitted(x), y, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("shapes", [((3, 4), (2, 1)), ((0, 4), (0, 1)), ((4,), (4, 1))])
def test_refuses_rows_that_do_not_match(
    shapes: tuple[tuple[int, int], tuple[int, int]] | tuple[tuple[int], tuple[int, int]],
) -> None:
    with pytest.raises(ValueError, match="fit_ridge needs"):
        fit_ridge(torch.zeros(shapes[0]), torch.zeros(shapes[1]))
