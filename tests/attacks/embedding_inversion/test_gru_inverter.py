from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from attacks.embedding_inversion.gru_inverter import GruInverter
from attacks.embedding_inversion.gru_inverter.reader import GruReader, Schedule, train_reader
from attacks.embedding_inversion.ridge_inverter import RidgeInverter
from attacks.toolkit.ridge import fit_ridge
from tests.stand_ins.split_view import SplitView, isotropic, tiny_model, token_accuracy
from tests.stand_ins.split_worlds import noise_instead, real_view, sms, tiny_view


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Any:
    torch.set_num_threads(1)
    return tiny_model(tmp_path_factory.mktemp("llama"), "llama")


def frugal() -> GruInverter:
    return GruInverter(texts=150, probes=50, epochs=10, hidden=32, negatives=50)


def score(view: SplitView) -> float:
    return token_accuracy(view, frugal().guess(view))


@pytest.fixture
def problem() -> Any:
    rng = torch.Generator().manual_seed(0)
    table = torch.randn(40, 6, generator=rng)
    ids = [torch.randint(40, (size,), generator=rng) for size in (5, 3, 4) * 10]
    states = [table[one] @ torch.eye(6, 9) + 0.5 * torch.randn(len(one), 9, generator=rng) for one in ids]
    return table, ids, states, rng


def reader_of(table: Any, ids: Any, states: Any, rng: torch.Generator) -> Any:
    examples = torch.cat(states)
    start = fit_ridge(examples, table[torch.cat(ids)])
    return GruReader(examples, start, table, 16, rng), start


def test_it_starts_at_the_linear_solution(problem: Any) -> None:
    reader, start = reader_of(*problem)
    table, _, states, _ = problem
    unit = table.norm(dim=-1).mean()
    torch.testing.assert_close(reader(states[0][None])[0] * unit, start(states[0]), atol=1e-4, rtol=1e-4)


def test_logits_are_cosines(problem: Any) -> None:
    reader, _ = reader_of(*problem)
    table, _, states, _ = problem
    estimates, tokens = reader(states[0][None])[0], torch.tensor([3, 8])
    slow = torch.nn.functional.cosine_similarity(estimates[:, None], table[tokens][None], dim=-1)
    torch.testing.assert_close(reader.logits(estimates, tokens), slow * reader.sharpness.exp(), atol=1e-5, rtol=1e-4)


def test_padding_does_not_reach_the_states_before_it(problem: Any) -> None:
    reader, _ = reader_of(*problem)
    _, _, states, _ = problem
    reader.out.data += 0.1
    longer = torch.cat([states[1], torch.full((4, 9), 50.0)])
    torch.testing.assert_close(reader(longer[None])[0, :3], reader(states[1][None])[0])


def test_training_lowers_the_loss_and_sends_afresh_in_every_epoch(problem: Any) -> None:
    reader, _ = reader_of(*problem)
    _, ids, states, rng = problem
    sent = []

    def send(sequence: Any) -> Any:
        sent.append(len(sequence))
        return sequence

    schedule = Schedule(epochs=6, batch=8, rate=3e-3, negatives=10)
    losses = train_reader(reader, states, ids, send, torch.ones(40, dtype=torch.bool), schedule, rng)
    assert losses[-1] < 0.8 * losses[0]
    assert len(sent) == 6 * len(states)


def test_it_beats_the_ridge_inverter_on_states_with_context(llama: str) -> None:
    view = tiny_view(llama, 1, adaptive=False)
    linear = token_accuracy(view, RidgeInverter(texts=150, probes=50).guess(view))
    assert score(view) > linear > 0.2


def test_embeddings_are_read_exactly(llama: str) -> None:
    assert score(tiny_view(llama, 0)) == 1.0


def test_an_unfamiliar_defense_is_learned_through(llama: str) -> None:
    def flipped(rng: np.random.Generator) -> Callable[..., Any]:
        return lambda states, position, noise: -3.0 * states

    assert score(tiny_view(llama, 0, deploy=flipped)) == 1.0
    assert score(tiny_view(llama, 0, deploy=flipped, adaptive=False)) < 0.1


@pytest.mark.parametrize("adaptive", [False, True])
def test_noise_alone_leaves_it_at_chance(llama: str, adaptive: bool) -> None:
    assert score(tiny_view(llama, 1, deploy=noise_instead, adaptive=adaptive)) < 0.08


def test_draws_come_from_the_view_alone(llama: str) -> None:
    before = torch.get_rng_state()
    guesses = [frugal().guess(tiny_view(llama, 1, deploy=isotropic(0.1))) for _ in range(2)]
    assert guesses[0] == guesses[1]
    assert torch.equal(before, torch.get_rng_state())


def test_it_refuses_pooled_messages(llama: str) -> None:
    assert "pooled" in (frugal().refuses(tiny_view(llama, 4, pooled=True).public) or "")


@pytest.mark.slow
def test_real_states_after_eight_blocks() -> None:
    view = real_view("smollm2-135m-instruct", 8, sms(), private=80, auxiliary=1000, adaptive=False)
    assert token_accuracy(view, GruInverter(epochs=4).guess(view)) >= 0.85
