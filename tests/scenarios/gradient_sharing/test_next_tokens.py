"""Utility of language modelling: by choices against texts, and what anyone could choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from scenarios.gradient_sharing.next_tokens import NextTokens
from tests.stand_ins.gradient_world import deploy

TEXTS = {"a": (0, 1, 2, 3), "b": (0, 2)}


def test_choices_are_counted_and_missing_ones_are_wrong() -> None:
    task = NextTokens(TEXTS, [(0, 1)])
    said = {"a": {"choices": [1, 5, 3, 9]}, "b": {"choices": "2"}}
    assert {s.record: s.value for s in task.score(said, {})} == {"a": pytest.approx(2 / 3), "b": 0.0}


def test_the_blind_guess_follows_public_pairs() -> None:
    task = NextTokens(TEXTS, [(0, 1, 2), (0, 1, 2), (0, 7)])
    assert {s.record: s.value for s in task.blind()} == {"a": pytest.approx(2 / 3), "b": 0.0}


@pytest.mark.usefixtures("shared_workers")
def test_a_party_chooses_a_token_at_every_place(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, task="language_modelling", embeddings="frozen", trained=["attention"])
    (task,) = deployment.tasks
    assert isinstance(task, NextTokens)
    with Runner(threads=1) as runner:
        predictions = runner.execute(deployment, Execution(None)).predictions
    assert {name: len(said["choices"]) for name, said in predictions.items()} == {
        name: len(ids) - 1 for name, ids in task.texts.items()
    }
