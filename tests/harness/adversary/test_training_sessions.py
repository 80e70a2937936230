"""Training records as sessions: states of the first round, and an attacker's own texts through the defense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.adversary.simulation import SimulationBank
from harness.adversary.training_sessions import TrainingSessions
from harness.adversary.view import TargetView
from harness.attack import DefenseCard
from harness.errors import SuiteError
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.wire.log import WireLog
from scenarios.split_llm.finetune_build import small_finetuning

HALVES = """
from harness import Defense, Kind

class Plugin(Defense):
    def send(self, message):
        if message.kind is not Kind.HIDDEN:
            return message
        assert sum(message["lengths"]) == len(message["hidden"])
        return message.replace(hidden=message["hidden"] / 2)
"""


def sessions(folder: Path, adaptive: bool, submission: Submission | None = None) -> tuple[Any, Any]:
    deployment = small_finetuning(str(folder))
    with Runner(isolation="none", threads=1) as runner:
        outcome = runner.execute(deployment, Execution(submission, noise=("s",)))
    bank = SimulationBank(Runner(isolation="none", threads=1), deployment, submission, 0, "key")
    text = deployment.secrets["text"]
    card, rng = DefenseCard("x", {}, ""), torch.Generator()
    coalition = deployment.coalitions["server"]
    view = TargetView(
        deployment, coalition, outcome.log, WireLog(), card, adaptive, rng, bank, None, frozenset(text.records)
    )
    return deployment, view.sessions


def test_records_of_the_first_batch_are_the_states_of_the_public_weights(toy_folder: Path) -> None:
    deployment, seen = sessions(toy_folder, adaptive=False)
    assert isinstance(seen, TrainingSessions) and seen.known_pairs() == []
    observed = {one.record: one for one in seen.observations()}
    plan = deployment.parties["data_party"]
    texts = {record.id: record.text for record in plan.records}
    assert set(observed) == set(texts)
    first = [plan.records[place].id for place in plan.settings["batches"][0]]
    simulated = seen.simulate([texts[record] for record in first])
    for record, own in zip(first, simulated, strict=True):
        assert own.ids is not None and observed[record].prompt_length == len(own.ids)
        assert torch.allclose(observed[record].states, own.states, atol=1e-5)


def test_simulations_go_through_the_defense_as_batches_do(toy_folder: Path, submission: Any) -> None:
    deployment, seen = sessions(toy_folder, adaptive=True, submission=submission(HALVES))
    texts = [record.text for record in deployment.public.auxiliary[:7]]
    for one in seen.simulate(texts, repeats=2):
        assert torch.allclose(one.states, one.plain / 2)


def test_an_oblivious_attacker_has_no_defense(toy_folder: Path) -> None:
    _, seen = sessions(toy_folder, adaptive=False)
    with pytest.raises(SuiteError, match="oblivious"):
        seen.defend([torch.zeros(3, 32)])
