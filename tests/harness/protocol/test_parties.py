"""Several private parties in one protocol: gather and scatter, records, embeddings, training, replay, secure sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.errors import DefenseError
from harness.models.embeddings import embed
from harness.plugins.submission import Submission
from harness.protocol.channel import unpair
from harness.protocol.secure_aggregation import extra_bytes
from harness.runtime.execution import Execution, Outcome
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits, WorkerProcess
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.wire.coalition import SERVER, SUM
from harness.wire.log import WireLog
from harness.wire.message import Kind
from tests.stand_ins.toy_protocol import class_means, deployment

Make = Callable[..., Submission]
NOISE = """
class Plugin(Defense):
    def send(self, message):
        return message.replace(means=self.me.gaussian(message["means"], clip=None, scale=0.1))
"""


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


@pytest.fixture(scope="module")
def pooled(toy_folder: Path) -> Deployment:
    return deployment(str(toy_folder))


def frames(outcome: Outcome) -> list[bytes]:
    return [entry.frame for entry in outcome.log.entries]


def test_every_party_is_heard_and_answered_in_every_round(runner: Runner, pooled: Deployment) -> None:
    outcome = runner.execute(pooled, Execution(None))
    for name in pooled.parties:
        sent = [WireLog([e]).entries[0].message() for e in outcome.log.entries if e.sender == name]
        assert [m.round for m in sent] == [0, 1]
        assert all(m.kind is Kind.PROTOTYPE for m in sent)
        assert len(outcome.log.inbox(name)) == 2
    assert outcome.costs.messages_up == outcome.costs.messages_down == outcome.costs.round_trips == 6
    assert outcome.costs.private_flops > 0
    assert outcome.costs.curious_flops > 0


def test_messages_are_the_class_means_of_the_records(runner: Runner, pooled: Deployment) -> None:
    outcome = runner.execute(pooled, Execution(None))
    assert pooled.encoder is not None
    sent = {e.sender: e.message() for e in outcome.log.entries if e.receiver == SERVER}
    total, weight = torch.zeros(2, 32), torch.zeros(2)
    for name, plan in pooled.parties.items():
        x = embed(pooled.encoder, [r.text for r in plan.records])
        means, counts = class_means(x, [str(r.label) for r in plan.records])
        assert torch.allclose(sent[name]["means"], means, atol=1e-6)
        assert sent[name]["counts"].tolist() == counts
        total, weight = total + means * torch.tensor(counts)[:, None], weight + torch.tensor(counts)
    reply = next(e.message() for e in outcome.log.entries if e.sender == SERVER)
    assert torch.allclose(reply["means"], total / weight[:, None], atol=1e-6)


def test_predictions_of_both_sides_are_merged_and_states_are_kept(runner: Runner, pooled: Deployment) -> None:
    outcome = runner.execute(pooled, Execution(None))
    assert set(outcome.predictions) == {f"t{i}" for i in range(6)} | {f"client{k}.in" for k in range(3)}
    kept = {e.sender: e.message() for e in outcome.own.entries}
    assert set(kept) == {*pooled.parties, SERVER}
    assert kept["client0"]["weight"].shape == (2, 32)
    assert not torch.equal(kept["client0"]["weight"], kept["client1"]["weight"])


def test_process_none_and_a_second_run_send_the_same_bytes(
    runner: Runner, pooled: Deployment, submission: Make
) -> None:
    task = Execution(submission(NOISE), noise=("point", 0))
    with Runner(isolation="none", threads=1) as direct:
        inside = direct.execute(pooled, task)
    outside, again = runner.execute(pooled, task), runner.execute(pooled, task)
    assert frames(inside) == frames(outside) == frames(again)
    assert inside.predictions == outside.predictions
    assert inside.ledger == outside.ledger
    assert inside.costs.private_flops == outside.costs.private_flops
    assert {entry.party for entry in outside.ledger} == set(pooled.parties)


def test_noise_differs_between_parties_and_training_does_not_depend_on_the_submission(
    runner: Runner, pooled: Deployment, submission: Make
) -> None:
    same = replace(
        pooled, parties={n: replace(p, records=pooled.parties["client0"].records) for n, p in pooled.parties.items()}
    )
    plain, noisy = runner.execute(same, Execution(None)), runner.execute(same, Execution(submission(NOISE), noise=(1,)))
    first = {e.sender: e.message()["means"] for e in noisy.log.entries if e.receiver == SERVER}
    assert not torch.equal(first["client0"], first["client1"])
    for one, other in zip(plain.own.entries, noisy.own.entries, strict=True):
        assert (one.frame == other.frame) == (one.sender != SERVER)
    moved = runner.execute(same, Execution(None, draw=("shadow", 0)))
    assert all(a.frame != b.frame for a, b in zip(plain.own.entries[:3], moved.own.entries[:3], strict=True))


def test_solo_replay_in_a_fresh_worker_emits_identical_bytes(
    runner: Runner, pooled: Deployment, submission: Make, tmp_path: Path
) -> None:
    task = Execution(submission(NOISE), noise=("point", 0))
    log = runner.execute(pooled, task).log
    assert runner.fork_server is not None
    for name in pooled.parties:
        spec = worker_spec(pooled.alone(name), task, 1, scratch=tmp_path / name)
        worker = WorkerProcess(runner.fork_server, spec, Limits())
        replayed = [worker.step(name, frame) for frame in [None, *log.inbox(name)]]
        worker.close()
        assert [unpair(out)[0] for out in replayed if out is not None] == log.outbox(name)


def test_state_shared_between_parties_shows_in_solo_replay(
    runner: Runner, pooled: Deployment, submission: Make, tmp_path: Path
) -> None:
    pools = submission("""
    seen = torch.__dict__.setdefault("_seen", [])

    class Plugin(Defense):
        def send(self, message):
            seen.append(message["means"])
            return message.replace(means=torch.stack(seen).mean(0))
    """)
    log = runner.execute(pooled, Execution(pools)).log
    assert runner.fork_server is not None
    spec = worker_spec(pooled.alone("client2"), Execution(pools), 1, scratch=tmp_path)
    worker = WorkerProcess(runner.fork_server, spec, Limits())
    assert unpair(worker.step("client2", None) or b"")[0] != log.outbox("client2")[0]
    worker.close()


def test_embeddings_handed_over_equal_those_computed_in_the_worker(
    runner: Runner, pooled: Deployment, submission: Make, tmp_path: Path
) -> None:
    rewrites = submission("""
    from dataclasses import replace

    class Plugin(Defense):
        def prepare(self, records, settings):
            return [replace(r, text=r.text + " ok") if r.id.endswith(".1") else r for r in records]
    """)
    log = runner.execute(pooled, Execution(rewrites)).log
    assert runner.fork_server is not None
    spec = worker_spec(pooled.alone("client0"), Execution(rewrites), 1, scratch=tmp_path)
    spec["parties"]["client0"]["encoder"]["known"] = ""
    worker = WorkerProcess(runner.fork_server, spec, Limits())
    # This worker was given no embeddings.
    assert unpair(worker.step("client0", None) or b"")[0] == log.outbox("client0")[0]
    worker.close()


def test_secure_sum_shows_the_server_the_sum_alone(runner: Runner, toy_folder: Path) -> None:
    secure = deployment(str(toy_folder), secure=True)
    plain = runner.execute(deployment(str(toy_folder)), Execution(None))
    outcome = runner.execute(secure, Execution(None))
    seen = [e for e in outcome.log.seen_by({SERVER}) if e.receiver == SERVER]
    assert [e.sender for e in seen] == [SUM, SUM]
    uploads = [e.message() for e in outcome.log.entries if e.sender in secure.parties]
    assert torch.allclose(seen[0].message()["means"], sum(m["means"] for m in uploads[:3]), atol=1e-6)
    assert len([e for e in outcome.log.seen_by({"client1"}) if e.sender == "client1"]) == 2
    assert WireLog.from_bytes(outcome.log.to_bytes()).entries == outcome.log.entries
    assert outcome.costs.bytes_up == plain.costs.bytes_up + 2 * 3 * extra_bytes(3)


def test_secure_sum_refuses_payloads_that_are_not_padded(runner: Runner, toy_folder: Path, submission: Make) -> None:
    drops = submission("""
    class Plugin(Defense):
        def send(self, message):
            keep = 1 if self.me.party == "client1" else 2
            return message.replace(means=message["means"][:keep], counts=message["counts"][:keep])
    """)
    with pytest.raises(Exception, match=r"'(means' is \(2, 32\)|counts' is \(2,\)), but client1"):
        runner.execute(deployment(str(toy_folder), secure=True), Execution(drops))


def test_swapped_rows_change_what_everyone_gets(runner: Runner, pooled: Deployment) -> None:
    honest, swapped = (
        runner.execute(pooled, Execution(None)),
        runner.execute(pooled, Execution(None, behaviour="knockout")),
    )
    one = next(e.message()["means"] for e in honest.log.entries if e.sender == SERVER)
    other = next(e.message()["means"] for e in swapped.log.entries if e.sender == SERVER)
    assert not torch.allclose(one, other)


def test_a_defense_that_drops_a_record_is_refused(runner: Runner, pooled: Deployment, submission: Make) -> None:
    drops = submission("class Plugin(Defense):\n    def prepare(self, records, settings): return records[:-1]\n")
    with pytest.raises(DefenseError, match="one Item per record"):
        runner.execute(pooled, Execution(drops))
