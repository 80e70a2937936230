"""The negative control says nothing, and is no empty release: as many rows as for any data, of every class."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.defense import PublicSide
from harness.dp.mechanisms import Mechanisms
from harness.plugins.registry import load as registered
from harness.plugins.submission import load_submission
from harness.runtime.execution import Execution
from harness.runtime.host import load_defense_class
from harness.runtime.runner import Runner
from harness.scenario.plugin import Scenario
from harness.wire.coalition import SERVER
from harness.wire.facts import PopulationFacts
from harness.wire.message import Kind, Message, Value
from scenarios.synthetic_fusion.server import READER
from tests.stand_ins.toy_fusion import toy_deployment

NOISE = load_submission(Path(__file__).resolve().parents[3] / "submissions" / "pure_noise")


def test_as_many_texts_are_released_as_were_asked_for_of_all_classes(runner: Runner, toy_folder: Path) -> None:
    made = toy_deployment(str(toy_folder), "private_fusegen", texts=12)
    log = runner.execute(made, Execution(NOISE)).log
    sent = [e.message() for e in log.entries if e.receiver == SERVER]
    assert [len(m["texts"]) for m in sent] == [len(m["labels"]) for m in sent] == [2 * 12] * 3 * 2
    released = next(e.message() for e in log.entries if e.receiver == READER)
    assert len(released["texts"]) == 2 * 12 * 3 * 2
    assert min(Counter(released["labels"]).values()) > 48 and set(released["labels"]) == {"bank", "friend"}
    assert set(released["texts"]) <= {text for plan in made.parties.values() for text in plan.public_texts}


def test_what_a_party_sends_does_not_depend_on_its_records(runner: Runner, toy_folder: Path) -> None:
    made = toy_deployment(str(toy_folder), "private_fusegen")
    assert made.redraw is not None
    sent = []
    for inside in (True, False):
        drawn = made.redraw(np.random.default_rng(int(inside)), {c.id: inside for c in made.candidates})
        entries = runner.execute(drawn, Execution(NOISE)).log.entries
        sent.append([entry.frame for entry in entries if entry.receiver == SERVER])
    assert sent[0] == sent[1]


@pytest.mark.parametrize("held", [[0], [1, 3], [0, 1, 2, 3]])
def test_prototypes_leave_for_every_class_whatever_a_party_holds(held: list[int]) -> None:
    defense = load_defense_class(NOISE.folder, NOISE.target)()
    defense.me = Mechanisms("client1", torch.Generator().manual_seed(0))
    defense.setup((), PublicSide(("a",), {"labels": ["a", "b", "c", "d"]}, {}, None))
    payload: dict[str, Value] = {
        "classes": held,
        "means": torch.zeros(len(held), 5),
        "counts": torch.full((len(held),), 7.0),
    }
    found = defense.send(Message(Kind.PROTOTYPE, payload))
    assert found["classes"] == [0, 1, 2, 3]
    assert found["means"].shape == (4, 5) and found["counts"].shape == (4,)
    assert 0.3 < float(found["means"].std()) < 2


def test_all_parties_of_prototype_sharing_send_all_classes(runner: Runner, toy_folder: Path) -> None:
    scenario = registered("scenario", "prototype_sharing")
    assert isinstance(scenario, Scenario)
    made = scenario.small(str(toy_folder))
    outcome = runner.execute(made, Execution(NOISE))
    classes = [e.message()["classes"] for e in outcome.log.entries if e.receiver == SERVER]
    assert classes == [list(range(len(made.public.need(PopulationFacts).labels)))] * len(classes)
    assert outcome.predictions
