"""Defenses of split fine-tuning: each does what its paper says, by a check that does not use its code."""

from __future__ import annotations

import itertools
from functools import cache
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.data.record import Item
from harness.defense import PublicSide
from harness.dp.mechanisms import Mechanisms
from harness.plugins.submission import load_submission
from harness.runtime.host import load_defense_class
from harness.wire.message import Kind, Message

FOLDER = Path(__file__).parents[3] / "submissions"


def defense(name: str, **parameters: Any) -> Any:
    submission = load_submission(FOLDER / name)
    made: Any = load_defense_class(submission.folder, submission.target)(**parameters)
    made.me = Mechanisms("p", torch.Generator().manual_seed(0))
    return made


def module_of(made: Any) -> Any:
    import sys

    return sys.modules[type(made).__module__]


def gradient(rows: torch.Tensor, lengths: list[int]) -> Message:
    return Message(Kind.GRADIENT, {"hidden": rows, "lengths": lengths})


def test_randomised_response_flips_as_often_as_epsilon_says() -> None:
    made = defense("label_dp", epsilon=1.0)
    records = [Item(f"r{i}", "text") for i in range(5)]
    records += [Item(f"t{i}", f"text {i}", "ab"[i % 2]) for i in range(4000)]
    drawn = made.prepare(records, {"labels": ["a", "b"]})
    assert [(r.id, r.text) for r in drawn] == [(r.id, r.text) for r in records]
    assert all(r.label is None for r in drawn[:5])
    for label in "ab":
        flips = [a.label != b.label for a, b in zip(records, drawn, strict=True) if a.label == label]
        assert np.mean(flips) == pytest.approx(1 / (1 + exp(1)), abs=0.03)


@pytest.mark.parametrize("factor", [1.0, 4.0])
def test_all_records_get_one_expected_norm(factor: float) -> None:
    made, rng = defense("max_norm", factor=factor), torch.Generator().manual_seed(1)
    rows = torch.randn(7, 5, generator=rng) * torch.tensor([1.0, 1, 3, 3, 3, 0.1, 0.1])[:, None]
    lengths = [2, 3, 2]
    parts = torch.split(rows, lengths)
    largest = max(float(part.norm()) for part in parts)
    sent = [torch.split(made.send(gradient(rows, lengths))["hidden"], lengths) for _ in range(6000)]
    for place, part in enumerate(parts):
        powers = np.mean([float(one[place].square().sum()) for one in sent])
        assert powers == pytest.approx((factor * largest) ** 2, rel=0.1)
        one = sent[0][place]
        assert abs(float((one * part).sum())) == pytest.approx(float(one.norm() * part.norm()), rel=1e-4), "one line"
    states = Message(Kind.HIDDEN, {"hidden": rows})
    assert made.send(states) is states


def test_marvell_divides_its_noise_no_worse_than_a_grid() -> None:
    made = defense("marvell", power=1.0)
    allotted, width = module_of(made).allotted, 6

    def divergence(along: list[float], across: list[float], own: list[float]) -> float:
        """Symmetric divergence of two Gaussians whose means are one apart along the first axis, up to constants."""
        first, second = ([along[k] + own[k], *[across[k] + own[k]] * (width - 1)] for k in (0, 1))
        ratio = sum(a / b + b / a - 2 for a, b in zip(first, second, strict=True))
        return ratio + 1 / first[0] + 1 / second[0]

    for power, share, own in ((0.5, 0.5, [0.01, 0.01]), (2.0, 0.2, [0.05, 0.01])):
        along, across = allotted(power, share, own, width)
        spent = sum(w * (a + (width - 1) * b) for w, a, b in zip((1 - share, share), along, across, strict=True))
        assert spent <= power * (1 + 1e-4) and min(*along, *across) >= 0
        steps = np.linspace(0, 1, 9)
        best = min(
            divergence([power * u * v / (1 - share), power * u * (1 - v) / share], [power * (1 - u) / width] * 2, own)
            for u, v in itertools.product(steps, steps)
        )
        assert divergence(along, across, own) <= best * 1.001 + 1e-9


def test_marvell_spends_its_power_and_leaves_a_batch_of_one_class(monkeypatch: pytest.MonkeyPatch) -> None:
    made = defense("marvell", power=2.0)
    # The same rows are sent each time: their noise is divided once, which takes longer than all draws.
    divided = cache(module_of(made).allotted)
    monkeypatch.setattr(
        module_of(made),
        "allotted",
        lambda power, share, spreads, width: divided(power, share, tuple(spreads), width),
    )
    records = [Item(f"t{i}", "x", "ab"[i % 2]) for i in range(8)]
    settings = {"labels": ["a", "b"], "batches": [list(range(8)), [0, 2, 4]]}
    made.setup(records, PublicSide((), settings, {}, None))
    lengths = [1, 2, 3, 1, 2, 3, 1, 2]
    rows = torch.randn(sum(lengths), 6, generator=torch.Generator().manual_seed(2))
    flat = torch.nn.utils.rnn.pad_sequence(list(torch.split(rows, lengths)), batch_first=True).flatten(1)
    distance = float((flat[1::2].mean(0) - flat[::2].mean(0)).square().sum())
    mask = torch.arange(3)[None] < torch.tensor(lengths)[:, None]
    share = float(mask.float().mean())
    noise = [made.send(gradient(rows, lengths))["hidden"] - rows for _ in range(1500)]
    power = float(np.mean([float(n.square().sum()) for n in noise])) / 8
    assert 0.5 * share * 2.0 * distance < power <= 1.05 * 2.0 * distance, "what falls on padding is not sent"
    single = Message(Kind.GRADIENT, {"hidden": rows[:6], "lengths": [1, 2, 3]}, round=1)
    assert torch.equal(made.send(single)["hidden"], rows[:6])


def test_gradients_are_clipped_and_noised_by_the_harness_and_states_are_not() -> None:
    made = defense("cut_gaussian", clip=0.5, ratio=2.0)
    message = gradient(torch.randn(400, 16, generator=torch.Generator().manual_seed(0)), [400])
    made.me.begin(message)
    sent = made.send(message)
    made.me.end(sent)
    norms = message["hidden"].norm(dim=1, keepdim=True)
    residual = sent["hidden"] - message["hidden"] * 0.5 / norms.clamp_min(0.5)
    assert float(residual.std()) == pytest.approx(2.0 * 0.5 / 4, rel=0.05)
    (entry,) = [e for e in made.me.ledger() if e.mechanism == "gaussian"]
    assert (entry.field, entry.clip, entry.scale) == ("hidden", 0.5, pytest.approx(0.25))
    assert made.send(Message(Kind.HIDDEN, {"hidden": torch.ones(2, 3)}))["hidden"].equal(torch.ones(2, 3))


def slow_correlation(x: Any, z: Any) -> float:
    """By the definition, pair by pair."""

    def centred(points: Any) -> Any:
        n = len(points)
        a = np.array([[np.linalg.norm(points[i] - points[j]) for j in range(n)] for i in range(n)])
        return np.array([[a[i, j] - a[i].mean() - a[:, j].mean() + a.mean() for j in range(n)] for i in range(n)])

    a, b = centred(x), centred(z)
    return float(np.sqrt((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean())))


def test_distance_correlation_is_that_of_the_definition_and_has_a_gradient() -> None:
    made, rng = defense("distance_correlation", weight=2.0), torch.Generator().manual_seed(0)
    x = torch.randn(30, 4, generator=rng)
    z = (torch.randn(30, 3, generator=rng) + x[:, :3]).requires_grad_()
    loss = made.objective(z, (x, torch.zeros(3), [10, 10, 10]))
    assert float(loss.detach()) == pytest.approx(2.0 * slow_correlation(x.numpy(), z.detach().numpy()), abs=1e-3)
    loss.backward()
    assert z.grad is not None and bool(torch.isfinite(z.grad).all()) and float(z.grad.norm()) > 0
    assert float(module_of(made).correlation(x, 3 * x)) == pytest.approx(1.0, abs=1e-3)
