from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from attacks.embedding_inversion.relaxed_optimisation import RelaxedOptimisation
from attacks.embedding_inversion.relaxed_optimisation.search import Problem, Search, candidates, descend, refine
from attacks.embedding_inversion.ridge_inverter import RidgeInverter
from attacks.toolkit.defense_channel.channel import open_channel
from tests.stand_ins.split_view import SplitView, isotropic, tiny_model, token_accuracy
from tests.stand_ins.split_worlds import noise_instead, random_texts, real_view, sms, tiny_view


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Any:
    torch.set_num_threads(1)
    return tiny_model(tmp_path_factory.mktemp("bert"), "bert")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny_model(tmp_path_factory.mktemp("llama"), "llama")


def frugal(**options: Any) -> RelaxedOptimisation:
    return RelaxedOptimisation(**{"texts": 150, "probes": 50, "steps": 30, "tokens": 16, "sweeps": 3, **options})


def encoder(model: str, cut: int = 1, **options: Any) -> SplitView:
    return tiny_view(model, cut, suffix=(2,), **options)


def score(view: SplitView, **options: Any) -> float:
    return token_accuracy(view, frugal(**options).guess(view))


def problem_of(model: str, cut: int = 2, pooled: bool = False) -> Any:
    """Three texts of four tokens, and the messages they cause."""
    view = encoder(model, cut)
    part, table = view.part(0, cut), view.part(0, 0).embed_table.detach()
    ids = torch.tensor([[5, 17, 60, 99], [7, 7, 30, 4], [100, 3, 50, 51]])
    empty = Problem(part, table, (1,), (2,), torch.zeros(0), torch.full((32,), 0.5), pooled)
    return replace(empty, messages=empty.outputs(ids).detach()), ids


def test_outputs_are_plain_forwards_of_the_prompt(bert: str) -> None:
    problem, ids = problem_of(bert)
    whole = torch.cat([torch.full((3, 1), 1), ids, torch.full((3, 1), 2)], 1)
    torch.testing.assert_close(problem.messages, problem.part(whole).detach(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(problem.outputs(problem.table[ids]), problem.outputs(ids))


def test_pooled_outputs_are_normalised_means(bert: str) -> None:
    problem, ids = problem_of(bert, pooled=True)
    whole = torch.cat([torch.full((3, 1), 1), ids, torch.full((3, 1), 2)], 1)
    mean = problem.part(whole).mean(1).detach()
    torch.testing.assert_close(problem.messages[:, 0], mean / mean.norm(dim=-1, keepdim=True), atol=1e-5, rtol=1e-5)


def test_mismatch_is_the_mean_square_or_the_negative_log_likelihood(bert: str) -> None:
    problem, ids = problem_of(bert)
    other = ids.clone()
    other[:, 1] = 77
    slow = ((problem.outputs(other) - problem.messages) / 0.5).square().mean((1, 2))
    torch.testing.assert_close(problem.judge(other), slow.detach())
    assert (problem.judge(ids) < 1e-8).all()
    open_ = replace(problem, channel=open_channel(problem.spread))
    torch.testing.assert_close(open_.judge(other), slow.detach())
    noisy = replace(problem, channel=replace(open_channel(problem.spread), tolerance=1.0))
    assert noisy.channel is not None
    law = torch.distributions.Normal(problem.outputs(other).detach(), noisy.channel.noise.scale)
    torch.testing.assert_close(noisy.judge(other), -law.log_prob(problem.messages).mean((1, 2)), rtol=1e-3, atol=1e-3)


def test_descent_lowers_the_mismatch_and_stays_in_range(bert: str) -> None:
    problem, _ = problem_of(bert)
    start = problem.table.mean(0).expand(3, 4, -1)
    descended = descend(problem, start, Search(60, 0.05, 0.1, 8, 1))
    before, after = (problem.mismatch(problem.outputs(one)[:, None]) for one in (start, descended))
    assert (after < 0.2 * before).all()
    assert (descended <= problem.table.amax(0) + 0.05).all()


def test_refinement_equals_trying_every_token_at_one_position(bert: str) -> None:
    problem, ids = problem_of(bert)
    wrong = ids.clone()
    wrong[:, 2] = 111
    everything = torch.arange(120).expand(3, 4, -1)
    fixed, mismatch = refine(problem, wrong, everything, 3)
    assert torch.equal(fixed, ids)
    assert (mismatch < 1e-8).all()
    unchanged, _ = refine(problem, ids, everything, 3)
    assert torch.equal(unchanged, ids)


def test_refinement_never_makes_it_worse(bert: str) -> None:
    problem, _ = problem_of(bert)
    rng = torch.Generator().manual_seed(0)
    start, options = torch.randint(3, 120, (3, 4), generator=rng), torch.randint(3, 120, (3, 4, 6), generator=rng)
    before = problem.judge(start)
    refined, after = refine(problem, start, options, 2)
    assert (after <= before).all() and (after < before).any()
    torch.testing.assert_close(after, problem.judge(refined))


def test_candidates_are_ordinary_and_ordered_by_angle() -> None:
    table = torch.eye(5)
    allowed = torch.tensor([True, False, True, True, True])
    assert candidates(torch.tensor([[0.1, 9.0, 3.0, 2.0, 0.0]]), table, allowed, 3).tolist() == [[2, 3, 0]]


@pytest.mark.parametrize("adaptive", [False, True])
def test_encoder_states_after_one_block_are_inverted(bert: str, adaptive: bool) -> None:
    assert score(encoder(bert, adaptive=adaptive)) >= 0.95


def test_deeper_it_beats_its_own_start(bert: str) -> None:
    view = encoder(bert, 3, adaptive=False)
    assert score(view) > token_accuracy(view, RidgeInverter(texts=150, probes=50).guess(view)) + 0.3


def test_causal_states_are_inverted_too(llama: str) -> None:
    assert score(tiny_view(llama, 1)) >= 0.7


def test_the_noise_is_expected_and_a_secret_rotation_is_fitted(bert: str) -> None:
    def rotation(rng: torch.Generator) -> Callable[..., Any]:
        turn = torch.linalg.qr(torch.randn(32, 32, generator=rng))[0]
        return lambda states, position, noise: states @ turn

    assert score(encoder(bert, deploy=isotropic(0.3))) >= 0.95
    options: dict[str, Any] = {"deploy": rotation, "known": random_texts(150, 9)}
    assert score(encoder(bert, **options)) >= 0.95
    assert score(encoder(bert, adaptive=False, **options)) < 0.1


@pytest.mark.parametrize("adaptive", [False, True])
def test_noise_alone_leaves_it_at_chance(bert: str, adaptive: bool) -> None:
    assert score(encoder(bert, deploy=noise_instead, adaptive=adaptive)) < 0.08


def test_pooled_vectors_are_matched_better_than_by_an_auxiliary_text(bert: str) -> None:
    view = encoder(bert, 4, pooled=True, adaptive=False)
    guess = frugal(sweeps=2).guess(view)
    part = view.part(0, None)

    def vector(ids: Any) -> Any:
        return torch.nn.functional.normalize(part(torch.tensor([[1, *ids, 2]]))[0].mean(0).detach(), dim=0)

    auxiliary = torch.stack([vector(view.tokenize(text)) for text in view.auxiliary])
    for observation in view.observations():
        assert float(vector(guess[observation.record]) @ observation.states) > float(
            (auxiliary @ observation.states).max()
        )


def test_draws_come_from_the_view_alone(bert: str) -> None:
    before = torch.get_rng_state()
    guesses = [frugal(restarts=2, steps=5, sweeps=1).guess(encoder(bert, 3)) for _ in range(2)]
    assert guesses[0] == guesses[1]
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.slow
@pytest.mark.parametrize(("cut", "least"), [(1, 0.99), (3, 0.98), (6, 0.95)])
def test_real_encoder_states(cut: int, least: float) -> None:
    view = real_view("all-minilm-l6-v2", cut, sms(), private=75, auxiliary=500, adaptive=False)
    assert sum(map(len, view.answers().values())) >= 1000
    assert token_accuracy(view, RelaxedOptimisation().guess(view)) >= least
