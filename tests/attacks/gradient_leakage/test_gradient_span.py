"""The span attack: whole batches of a random Llama, nothing from noise, and spaces against a slow definition."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from attacks.gradient_leakage.gradient_span import GradientSpan
from attacks.toolkit.gradient_space.context import ContextTree, input_vectors
from attacks.toolkit.gradient_space.subspace import row_space
from attacks.toolkit.readers.gradients import learner_at, shared_gradients
from harness.wire.facts import GradientFacts
from tests.stand_ins.gradient_world import deploy, gradient_view, scores_of, toy_bert, toy_llama


def test_batches_of_a_random_model_are_recovered_exactly(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, embeddings="frozen")
    attack = GradientSpan()
    guess = attack.guess(gradient_view(deployment))
    assert scores_of(deployment, guess) == [1.0] * 4
    assert scores_of(deployment, guess, "false_positives") == [0.0, 0.0]
    assert all(residual < 1e-5 for residual in attack.facts(())["residual"].values())


def test_gradients_of_next_tokens_give_their_texts_away_too(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, task="language_modelling", embeddings="frozen", trained=["attention"])
    attack = GradientSpan()
    assert scores_of(deployment, attack.guess(gradient_view(deployment))) == [1.0] * 4
    assert max(attack.facts(())["residual"].values()) < 1e-5


def test_one_attention_layer_is_enough(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, embeddings="frozen", trained=["attention"], layers=[0])
    assert scores_of(deployment, GradientSpan().guess(gradient_view(deployment))) == [1.0] * 4


def test_noise_gives_nothing(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, embeddings="frozen")
    guess = GradientSpan().guess(gradient_view(deployment, content=False))
    assert scores_of(deployment, guess) == [0.0] * 4


def test_more_inputs_than_the_width_give_nothing(toy_folder: Path) -> None:
    """Every vector is in a full space: to list the vocabulary would be no recovery."""
    narrow = str(toy_llama(toy_folder, 16))
    deployment = deploy(toy_folder, model=narrow, embeddings="frozen", batch_size=4)
    assert sum(scores_of(deployment, GradientSpan().guess(gradient_view(deployment)))) == 0.0


def test_adapters_tell_as_many_inputs_as_their_ranks_add_up_to(toy_folder: Path) -> None:
    """Warm adapters (B is not zero) of rank r on q, k and v tell the inputs of a batch of at most 3 r of them."""
    found = {}
    for rank in (4, 24):
        adapters = {"rank": rank, "targets": ["q_proj", "k_proj", "v_proj"], "embeddings": "frozen"}
        deployment = deploy(toy_folder, batch_size=1, **adapters)
        view = gradient_view(deployment)
        learner = learner_at(deployment.public, shared_gradients(view)[0])
        with torch.no_grad():
            for name, one in learner.named_trained().items():
                if "lora_B" in name:
                    one.normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
        tokens = [5, 17, 33, 60, 81, 99, 120, 140, 160, 180, 200, 220, 240]
        ids = torch.tensor([[*deployment.public.need(GradientFacts).prefix, *tokens]])
        learner.loss((ids, torch.ones_like(ids).bool(), torch.tensor([0]))).backward()
        rows = torch.cat(
            [
                one.grad
                for name, one in learner.named_trained().items()
                if "blocks.0." in name and "lora_A" in name and one.grad is not None
            ]
        )
        span = row_space(rows)
        inside = span.distance(input_vectors(learner.part, torch.arange(400)).double()) < 1e-3
        found[rank] = set(inside.nonzero().flatten().tolist()) >= set(tokens) and int(inside.sum()) <= 15
    assert found == {4: False, 24: True}


def test_contexts_are_those_of_the_whole_model(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, embeddings="frozen")
    learner = learner_at(deployment.public, shared_gradients(gradient_view(deployment))[0])
    tree, seen = ContextTree(learner.part, [0]), []
    attention = learner.part.blocks[0].get_submodule("self_attn.o_proj")
    attention.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    with torch.no_grad():
        learner.part(torch.tensor([[0, 7, 9, 11]]))
    for position, token in enumerate((7, 9, 11), start=1):
        tried = tree.contexts(torch.tensor([3, token]))
        assert torch.allclose(tried[0, 1], seen[0][0, position], atol=1e-5)
        tree.extend(torch.tensor([0]), torch.tensor([1]))


def test_distances_are_those_of_least_squares() -> None:
    rows = torch.randn(5, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.randn(12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    left = x - rows.T @ torch.linalg.lstsq(rows.T, x).solution
    space = row_space(rows)
    assert float(space.distance(x)) == pytest.approx(float(left.norm() / x.norm()), rel=1e-9)
    assert float(space.screened(x)) == pytest.approx(float(left.norm() / x.norm()), rel=1e-6)


def test_encoders_are_refused(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, model=str(toy_bert(toy_folder)))
    assert "encoder" in str(GradientSpan().refuses(deployment.public))
