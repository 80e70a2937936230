"""Membership from one gradient: texts of the batch lie in its row space, others do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from attacks.membership_inference.gradient_residual import GradientResidual
from harness.attack import Candidate, auc
from tests.stand_ins.gradient_world import deploy, gradient_view, toy_bert, toy_llama


@pytest.mark.parametrize("model", [toy_llama, toy_bert])
def test_texts_of_a_batch_are_told_from_other_texts_of_the_party(
    toy_folder: Path, model: Callable[[Path], Path]
) -> None:
    deployment = deploy(toy_folder, model=str(model(toy_folder)))
    view = gradient_view(deployment)
    records = deployment.parties["client1"].records
    view.candidates = [Candidate(f"k{i}", r.text, r.label, "client1") for i, r in enumerate(records)]
    guess = GradientResidual().guess(view)
    inside, outside = [guess[f"k{i}"] for i in (0, 1)], [guess[f"k{i}"] for i in range(2, len(records))]
    assert min(inside) > 10
    assert max(outside) < 6


def test_noise_tells_nothing(toy_folder: Path) -> None:
    deployment = deploy(toy_folder)
    view = gradient_view(deployment, content=False)
    records = deployment.parties["client1"].records
    view.candidates = [Candidate(f"k{i}", r.text, r.label, "client1") for i, r in enumerate(records)]
    guess = GradientResidual().guess(view)
    assert auc([guess[c.id] for c in view.candidates], [int(i < 2) for i in range(len(records))]) == 0.5
