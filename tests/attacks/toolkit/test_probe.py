from __future__ import annotations

import numpy as np
import torch

from attacks.toolkit.probe import fit_probe


def test_the_fit_is_a_stationary_point_of_the_penalised_likelihood() -> None:
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.normal(size=(80, 4))), [int(value) for value in rng.random(80) < 0.3]
    model = fit_probe(x, y, 0.5)
    scaled, truth = (x.numpy() - x.numpy().mean(0)) / x.numpy().std(0), np.array(y)
    weight = model[-1].coef_[0]
    chance = 1 / (1 + np.exp(-(scaled @ weight + model[-1].intercept_[0])))
    balance = np.where(truth == 1, 80 / (2 * truth.sum()), 80 / (2 * (80 - truth.sum())))
    gradient = scaled.T @ (balance * (chance - truth)) + weight / 0.5
    np.testing.assert_allclose(gradient, 0, atol=1e-2)
