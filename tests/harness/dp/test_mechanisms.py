"""Mechanisms: the right law, drawn per coordinate, and a ledger that counts released vectors."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from harness.adversary.noise_laws import confirmed_laws, declared_laws
from harness.attack import NoiseLaw, Observation
from harness.dp.mechanisms import Mechanisms, clip_norm
from harness.errors import DefenseError
from harness.store.schema import LedgerEntry


def mechanisms(seed: int = 0) -> Mechanisms:
    return Mechanisms("p", torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("name", "law"), [("gaussian", stats.norm(0, 0.7)), ("laplace", stats.laplace(0, 0.7))])
def test_noise_has_the_declared_law(name: str, law: object) -> None:
    noise = getattr(mechanisms(), name)(torch.zeros(200, 50), scale=0.7, clip=None).flatten().numpy()
    assert stats.kstest(noise, law.cdf).pvalue > 0.001  # type: ignore[attr-defined]


def test_noise_differs_between_vectors_and_calls() -> None:
    me = mechanisms()
    first, second = (me.gaussian(torch.zeros(3, 8), scale=1.0, clip=None) for _ in range(2))
    assert len({tuple(row.tolist()) for row in torch.cat([first, second])}) == 6


@pytest.mark.parametrize("order", [1, 2])
def test_clip_bounds_the_norm_and_leaves_short_vectors_alone(order: int) -> None:
    x = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    clipped = clip_norm(x, 1.0, order)
    assert float(torch.linalg.vector_norm(clipped[0], ord=order)) == pytest.approx(1.0)
    assert torch.equal(clipped[1:], x[1:])
    assert torch.equal(clip_norm(x, None), x)


def test_gradients_pass_through() -> None:
    x = torch.ones(2, 4, requires_grad=True)
    mechanisms().gaussian(x, scale=0.1, clip=None).sum().backward()
    assert torch.equal(x.grad, torch.ones(2, 4))  # type: ignore[arg-type]


def test_ledger_counts_vectors_by_law() -> None:
    me = mechanisms()
    me.gaussian(torch.zeros(5, 4), scale=1.0, clip=2.0)
    me.gaussian(torch.zeros(4), scale=1.0, clip=2.0)
    me.laplace(torch.zeros(2, 3, 4), scale=0.5, clip=None)
    assert [(e.mechanism, e.clip, e.scale, e.uses) for e in me.ledger()] == [
        ("gaussian", 2.0, 1.0, 6),
        ("laplace", None, 0.5, 6),
    ]


def test_bad_arguments_are_reported_together() -> None:
    with pytest.raises(DefenseError, match=r"scale.*clip"):
        mechanisms().gaussian(torch.zeros(1, 2), scale=-1.0, clip=0.0)


def pair(plain: torch.Tensor, states: torch.Tensor) -> Observation:
    return Observation("r0", states, plain)


@pytest.mark.parametrize("name", ["gaussian", "laplace"])
def test_a_declared_law_is_confirmed_only_where_it_is_what_was_sent(name: str) -> None:
    plain = torch.randn(60, 32, generator=torch.Generator().manual_seed(5)) * 3
    sent = getattr(mechanisms(), name)(plain, scale=0.4, clip=12.0)
    law = declared_laws([LedgerEntry(mechanism=name, clip=12.0, scale=0.4)])
    assert law == (NoiseLaw(name, 0.4, 12.0),)
    assert confirmed_laws(law, [pair(plain, sent)]) == law
    assert confirmed_laws(law, [pair(plain, sent.flip(-1))]) == ()
    assert confirmed_laws(law, [pair(plain, 1.1 * sent)]) == ()
    assert confirmed_laws(law, []) == ()


def test_several_laws_are_never_taken_for_one() -> None:
    entries = [LedgerEntry(mechanism="gaussian", scale=s) for s in (0.1, 0.2)]
    assert declared_laws(entries) == ()
