from __future__ import annotations

import pytest
import torch

from attacks.toolkit.readers.hidden_states import (
    auxiliary_sequences,
    clean_states,
    forward_part,
    private_slice,
    probe_sequences,
    token_states,
)
from tests.stand_ins.split_view import tiny_model
from tests.stand_ins.split_worlds import noise_instead, tiny_view


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.set_num_threads(1)
    return tiny_model(tmp_path_factory.mktemp("gpt2"), "gpt2")


def test_states_are_those_of_plain_forwards_with_the_template_around(gpt2: str) -> None:
    view = tiny_view(gpt2, 2, suffix=(2,))
    sequences = auxiliary_sequences(view, 9)
    states = clean_states(forward_part(view), sequences, (1,), (2,))
    for sequence, rows in zip(sequences, states, strict=True):
        whole = forward_part(view)(torch.tensor([[1, *sequence, 2]]))[0]
        torch.testing.assert_close(rows, whole[1:-1].detach(), atol=1e-5, rtol=1e-5)
    assert clean_states(forward_part(view), sequences, (1,), (2,)) is states


def test_positions_count_the_prefix_and_private_slices_leave_the_template_out(gpt2: str) -> None:
    view = tiny_view(gpt2, 1, prefix=(1, 1), suffix=(2,))
    flat = token_states(view, ((5, 6, 7), (8, 9)))
    assert flat.positions.tolist() == [2, 3, 4, 2, 3]
    assert flat.ids.tolist() == [5, 6, 7, 8, 9]
    for observation, truth in zip(view.simulate(view.auxiliary[:5]), auxiliary_sequences(view, 5), strict=True):
        assert observation.ids is not None
        assert tuple(observation.ids[private_slice(view.facts, observation)].tolist()) == truth


def test_probe_sequences_are_ordinary_tokens_and_the_same_for_every_defense(gpt2: str) -> None:
    view = tiny_view(gpt2, 1)
    probes = probe_sequences(view.facts, 120, 400)
    assert probes == probe_sequences(tiny_view(gpt2, 1, deploy=noise_instead).facts, 120, 400)
    assert {token for one in probes for token in one} == set(range(3, 120))
