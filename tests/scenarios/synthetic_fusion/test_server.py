"""The methods end to end on a tiny random model: what is sent, who sees it, and what it depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.adversary.shadows import seen_messages
from harness.models.embeddings import embed
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.checks import deployment_problems
from harness.scenario.deployment import Deployment
from harness.wire.coalition import SERVER, SUM
from harness.wire.message import Kind, Message
from scenarios.synthetic_fusion.server import PROBES, READER
from scenarios.synthetic_fusion.votes import halving, histogram
from tests.stand_ins.toy_fusion import METHODS, frames, redrawn, toy_deployment

Run = Callable[[str], Outcome]
VOTING = ("aug_pe", "wasp")


@pytest.mark.parametrize(
    "method", [pytest.param(m, marks=() if m in ("private_fusegen", "wasp") else pytest.mark.slow) for m in METHODS]
)
def test_every_method_runs_and_answers_all_tests(
    method: str, runner: Runner, worlds: Mapping[str, Deployment], outcome_of: Run
) -> None:
    made = worlds[method]
    assert list(deployment_problems(made)) == []
    outcome = outcome_of(method)
    assert set(outcome.predictions) == {f"t{i}" for i in range(6)}
    assert frames(outcome) == frames(runner.execute(made, Execution(None)))
    for behaviour, variant in made.variants.items():
        alone = runner.execute(variant(), Execution(None, behaviour=behaviour))
        assert set(alone.predictions) == set(outcome.predictions)
        assert not alone.log.entries


@pytest.mark.parametrize("method", METHODS)
def test_a_reader_sees_the_release_and_a_client_its_own_messages(
    method: str, worlds: Mapping[str, Deployment], outcome_of: Run
) -> None:
    made = worlds[method]
    log = outcome_of(method).log
    released = seen_messages(log, made.coalitions["reader"])
    assert [(s.sender, s.receiver, s.message.kind) for s in released] == [(SERVER, READER, Kind.SYNTHETIC_TEXT)]
    message = released[0].message
    assert len(message["texts"]) == len(message["labels"]) == len(message["weights"])
    assert {s.sender for s in seen_messages(log, made.coalitions["client"])} == {"client0", SERVER}


def test_without_private_data_nothing_depends_on_records(runner: Runner, worlds: Mapping[str, Deployment]) -> None:
    """The negative control is exact: the same bytes whatever the private records are."""
    one, other = (
        frames(runner.execute(redrawn(worlds["fusegen"], inside=i, seed=s), Execution(None)))
        for i, s in ((True, 0), (False, 1))
    )
    assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("method", ("private_fusegen", "hosted_fusegen", *VOTING))
def test_private_records_matter(method: str, runner: Runner, worlds: Mapping[str, Deployment]) -> None:
    one, other = (frames(runner.execute(redrawn(worlds[method], inside=i), Execution(None))) for i in (True, False))
    assert one != other


def test_generators_are_shown_each_others_texts(outcome_of: Run) -> None:
    log = outcome_of("fusegen").log
    first = [e for e in log.entries if e.receiver == SERVER and e.message().round == 0]
    written = {e.sender: set(e.message()["texts"]) for e in first}
    shown = next(e.message()["texts"] for e in log.entries if e.receiver == "client0" and e.message()["texts"])
    assert len(shown) == 2
    assert set(shown) <= set.union(*written.values())


@pytest.mark.parametrize("method", VOTING)
def test_votes_are_those_of_the_records(method: str, worlds: Mapping[str, Deployment], outcome_of: Run) -> None:
    made = worlds[method]
    assert made.encoder is not None
    log = outcome_of(method).log
    asked: dict[str, Message] = {}
    rounds = 0
    for entry in log.entries:
        message = entry.message()
        if entry.sender == SERVER:
            asked[entry.receiver] = message
        elif message.kind is Kind.VOTE:
            shown = asked[entry.sender]
            records = made.parties[entry.sender].records
            x, texts = (embed(made.encoder, t).double().numpy() for t in ([r.text for r in records], shown["texts"]))
            for field, far in (("votes", False), ("far", True)):
                if field in message.payload:
                    owners = [str(r.label) for r in records]
                    weights = halving(made.settings["ranks"])
                    slow = histogram(x, owners, texts, shown["labels"], weights, farthest=far)
                    assert np.allclose(message[field].numpy(), slow)
            rounds = max(rounds, message.round + 1)
    assert rounds == 2


@pytest.mark.parametrize("method", VOTING)
def test_a_sum_is_all_that_the_server_sees(method: str, runner: Runner, toy_folder: Path, outcome_of: Run) -> None:
    apart = outcome_of(method).log
    made = toy_deployment(str(toy_folder), method, aggregation="sum")
    log = runner.execute(made, Execution(None)).log
    seen = [s for s in seen_messages(log, made.coalitions["server"]) if s.message.kind is Kind.VOTE]
    assert {s.sender for s in seen} == {SUM}
    first = [e.message()["votes"] for e in apart.entries if e.message().kind is Kind.VOTE and e.message().round == 0]
    assert torch.allclose(seen[0].message["votes"], torch.stack(first).sum(0))


@pytest.mark.parametrize("method", VOTING)
def test_members_vote_for_their_own_copy(method: str, runner: Runner, worlds: Mapping[str, Deployment]) -> None:
    made = redrawn(worlds[method], inside=True)
    log = runner.execute(made, Execution(None, behaviour=PROBES)).log
    asked = next(e.message() for e in log.entries if e.sender == SERVER)
    votes = {
        e.sender: e.message()["votes"] for e in log.entries if e.message().kind is Kind.VOTE and e.message().round == 0
    }
    for one in made.candidates:
        cell = asked["texts"].index(one.text)
        assert votes[one.party][cell] >= 1
    released = next(e.message() for e in log.entries if e.receiver == READER)
    assert not {c.text for c in made.candidates} & set(released["texts"])


def test_labels_are_what_knockout_breaks(runner: Runner, worlds: Mapping[str, Deployment]) -> None:
    """Texts change sides under knock-out, their labels do not."""
    made = worlds["fusegen"]
    honest, swapped = (
        next(
            e.message() for e in runner.execute(made, Execution(None, behaviour=b)).log.entries if e.receiver == READER
        )
        for b in ("honest", "knockout")
    )
    marks = dict(zip(honest["texts"], honest["labels"], strict=True))
    moved = [marks[t] != label for t, label in zip(swapped["texts"], swapped["labels"], strict=True) if t in marks]
    assert moved
    assert np.mean(moved) > 0.5
