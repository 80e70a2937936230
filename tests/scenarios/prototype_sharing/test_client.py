"""The protocol on a tiny encoder: what is sent, what comes back, references, controls, replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.models.embeddings import embed
from harness.plugins.submission import Submission
from harness.protocol.channel import unpair
from harness.runtime.execution import Execution, Outcome
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits, WorkerProcess
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.wire.coalition import SERVER
from harness.wire.facts import PrototypeFacts
from harness.wire.message import Kind, Message
from scenarios.prototype_sharing.fedproto import class_means
from tests.stand_ins.toy_prototypes import LABELS, deployment

Make = Callable[..., Submission]


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


def sent(outcome: Outcome, party: str) -> list[Message]:
    return [e.message() for e in outcome.log.entries if e.sender == party]


def plain_means(made: Deployment, party: str) -> Any:
    assert made.encoder is not None
    records = made.parties[party].records
    y = torch.tensor([LABELS.index(str(r.label)) for r in records])
    return class_means(embed(made.encoder, [r.text for r in records]), y)


def test_frozen_prototypes_are_class_means_of_public_embeddings(runner: Runner, toy_folder: Path) -> None:
    made = deployment(toy_folder, features="frozen")
    outcome = runner.execute(made, Execution(None))
    everything = []
    for party in made.parties:
        own = plain_means(made, party)
        for round_, message in enumerate(sent(outcome, party)):
            assert (message.kind, message.round) == (Kind.PROTOTYPE, round_)
            assert message["classes"] == own.classes
            assert torch.allclose(message["means"], own.means, atol=1e-6)
            assert torch.equal(message["counts"], own.counts)
        everything.append(own)
    total = {
        name: sum(own.counts[own.classes.index(name)] for own in everything if name in own.classes) for name in range(4)
    }
    reply = sent(outcome, SERVER)[0]
    for name, mean in zip(reply["classes"], reply["means"], strict=True):
        pooled = sum(
            o.means[o.classes.index(name)] * o.counts[o.classes.index(name)] for o in everything if name in o.classes
        )
        assert torch.allclose(mean, pooled / total[name], atol=1e-6)


def test_a_prototype_of_one_record_is_that_records_embedding(runner: Runner, toy_folder: Path) -> None:
    made = next(
        d
        for d in (deployment(toy_folder, seed, features="frozen", alpha=0.2) for seed in range(9))
        if d.secrets["text"].records
    )
    assert made.encoder is not None
    party, _, label = made.secrets["text"].records[0].partition("/")
    (record,) = [r for r in made.parties[party].records if r.label == label]
    message = sent(runner.execute(made, Execution(None)), party)[0]
    row = message["classes"].index(LABELS.index(label))
    assert torch.allclose(message["means"][row], embed(made.encoder, [record.text])[0], atol=1e-6)


def test_adapters_train_and_features_stay_in_the_unit_ball(runner: Runner, toy_folder: Path) -> None:
    made = deployment(toy_folder, features="adapter", reach=1.0, rounds=3)
    outcome = runner.execute(made, Execution(None))
    first, *_, last = sent(outcome, "client1")
    assert not torch.allclose(first["means"], last["means"], atol=1e-3)
    assert all(float(m["means"].norm(dim=1).max()) <= 1 + 1e-5 for m in sent(outcome, "client1"))
    kept = {e.sender: e.message() for e in outcome.own.entries}
    assert {"model.up.weight", "model.head.bias"} <= set(kept["client0"].payload)
    assert torch.equal(kept[SERVER]["means"], sent(outcome, SERVER)[-1]["means"])


@pytest.mark.parametrize("margin", ["paper", "code"])
def test_fedtgp_sends_every_class_and_no_counts(runner: Runner, toy_folder: Path, margin: str) -> None:
    made = deployment(toy_folder, method="fedtgp", margin=margin, server_epochs=5)
    outcome = runner.execute(made, Execution(None))
    assert all("counts" not in message.payload for message in sent(outcome, "client2"))
    assert all(message["classes"] == [0, 1, 2, 3] for message in sent(outcome, SERVER))
    assert made.public.need(PrototypeFacts).margin == margin


def test_a_projection_has_its_own_width_and_space(runner: Runner, toy_folder: Path) -> None:
    made = deployment(toy_folder, features="projection", width=5, weighting="unweighted")
    outcome = runner.execute(made, Execution(None))
    one = sent(outcome, "client1")[0]
    assert one["means"].shape[1] == 5 and "counts" not in one.payload


def test_runs_repeat_and_references_predict_the_same_texts(runner: Runner, toy_folder: Path) -> None:
    made = deployment(toy_folder)
    outcome = runner.execute(made, Execution(None))
    again = runner.execute(made, Execution(None))
    assert [e.frame for e in outcome.log.entries] == [e.frame for e in again.log.entries]
    assert {e.sender for e in outcome.log.entries} == {*made.parties, SERVER}
    for behaviour in ("local_only", "centralised"):
        reference = runner.execute(made.variants[behaviour](), Execution(None, behaviour=behaviour))
        assert set(reference.predictions) == set(outcome.predictions)
    knocked = runner.execute(made, Execution(None, behaviour="knockout"))
    assert not torch.equal(sent(knocked, SERVER)[0]["means"], sent(outcome, SERVER)[0]["means"])


def test_alone_a_client_takes_nothing_from_the_server(runner: Runner, toy_folder: Path) -> None:
    """Its predictions are the same whatever the others hold."""
    made = deployment(toy_folder)
    lonely = made.variants["local_only"]()
    whole = runner.execute(lonely, Execution(None, behaviour="local_only"))
    one = runner.execute(lonely.alone("client2"), Execution(None, behaviour="local_only"))
    assert one.predictions.items() <= whole.predictions.items()


def test_solo_replay_emits_the_same_bytes(runner: Runner, toy_folder: Path) -> None:
    made = deployment(toy_folder)
    log = runner.execute(made, Execution(None)).log
    assert runner.fork_server is not None
    worker = WorkerProcess(runner.fork_server, worker_spec(made.alone("client1"), Execution(None), 1), Limits())
    replayed = [worker.step("client1", frame) for frame in [None, *log.inbox("client1")]]
    worker.close()
    assert [unpair(out)[0] for out in replayed if out is not None] == log.outbox("client1")


DP = """
from harness import DPSGD

class Plugin(Defense):
    def dp(self):
        return DPSGD(clip=1.0, noise_multiplier=0.5)
"""
FLIPPED = """
class Plugin(Defense):
    def prepare(self, records, settings):
        from dataclasses import replace
        return [replace(r, label="bank") if r.label else r for r in records]

    def objective(self, activations, batch):
        return activations.square().mean()
"""


def test_training_is_private_where_a_defense_says_so(runner: Runner, toy_folder: Path, submission: Make) -> None:
    made = deployment(toy_folder)
    outcome = runner.execute(made, Execution(submission(DP)))
    trained = [entry for entry in outcome.ledger if entry.mechanism == "dpsgd"]
    assert {entry.party for entry in trained} == set(made.parties)
    assert all(entry.clip == 1.0 and entry.sample_rate is not None for entry in trained)


def test_what_a_defense_prepares_is_what_is_sent(runner: Runner, toy_folder: Path, submission: Make) -> None:
    outcome = runner.execute(deployment(toy_folder), Execution(submission(FLIPPED)))
    assert all(message["classes"] == [0] for message in sent(outcome, "client1"))
