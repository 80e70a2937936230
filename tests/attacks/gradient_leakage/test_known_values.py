"""Known values on real models: whole batches, exactly."""

from __future__ import annotations

import pytest
import torch

from attacks.gradient_leakage.gradient_peeling import Peeling
from attacks.gradient_leakage.gradient_span import Search, spans_of
from attacks.gradient_leakage.gradient_subspace import GradientSubspace
from benchmarks.gradient_leakage import deployment, gradient
from harness.wire.facts import GradientFacts
from tests.stand_ins.gradient_world import gradient_view, scores_of

FROZEN = {"embeddings": "frozen", "trained": ("attention", "head"), "layers": (0,), "max_tokens": 16}


@pytest.mark.slow
@pytest.mark.parametrize("batch", [8, 16, 32])
def test_batches_of_smollm2_are_recovered_whole(batch: int) -> None:
    made = deployment("smollm2-135m-instruct", batch, **FROZEN)
    learner, shared, texts, _ = gradient(made, batch)
    search = Search(learner.part, made.public.need(GradientFacts), 2e-3, 2e-3, 512)
    assert sorted(map(tuple, search.texts(*spans_of(shared.values, learner)))) == sorted(set(texts))


@pytest.mark.slow
@pytest.mark.parametrize("batch", [4, 8])
def test_batches_of_minilm_are_recovered_whole(batch: int) -> None:
    made = deployment("all-minilm-l6-v2", batch, max_tokens=12)
    learner, shared, texts, _ = gradient(made, batch)
    work = Peeling(learner, made.public.need(GradientFacts), shared, 1e-2)
    work.run(12)
    assert sorted(map(tuple, work.texts)) == sorted(set(texts))
    assert work.residual < 1e-5


@pytest.mark.slow
def test_half_precision_hides_little() -> None:
    made = deployment("smollm2-135m-instruct", 8, blocks=2, precision="bf16", **FROZEN)
    view = gradient_view(made, lambda x: x.to(torch.bfloat16).float())
    assert sum(scores_of(made, GradientSubspace().guess(view))) >= 12
