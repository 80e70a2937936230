"""Epsilon from the ledger against closed forms and known values; views, adjacencies, verdicts on claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import erfc, exp, log, sqrt
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.dp.accounting import Loss, epsilon, gaussian_epsilon, losses, view_epsilon
from harness.dp.claims import REFUTED, judge, sealed_kinds
from harness.dp.mechanisms import DPSGD, Mechanisms
from harness.dp.sensitivity import Bound, ratios
from harness.plugins.submission import Claim, Submission
from harness.runtime.execution import Execution
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.store.schema import LedgerEntry
from harness.wire.message import Kind, Message, Value
from harness.wire.packing import pack_int8, pack_top_k
from tests.stand_ins import toy_protocol

Make = Callable[..., Submission]
DELTA = 1e-5
VOTE = Bound(1.633, replace=1.633 * sqrt(2))


def sigma(parties: int, claimed: float = 4.0, sensitivity: float = 4.0, rounds: int = 1) -> float:
    """The calibration whose noise per party is divided by the square root of the number of parties."""
    return sensitivity * sqrt(2 * log(1.25 / DELTA)) * sqrt(rounds) / (claimed * sqrt(parties))


def voted(parties: int, bound: Any = VOTE, rounds: int = 1) -> list[LedgerEntry]:
    """The ledger of parties that release one noisy vote per round."""
    found: list[LedgerEntry] = []
    for index in range(parties):
        me = Mechanisms(f"p{index}", torch.Generator().manual_seed(index))
        for number in range(rounds):
            message = Message(Kind.VOTE, {"votes": torch.ones(30)}, round=number, sensitivity={"votes": bound})
            me.begin(message)
            me.end(message.replace(votes=me.gaussian(message["votes"], scale=sigma(parties), clip=None)))
        found += me.ledger()
    return found


@pytest.mark.parametrize(("parties", "add", "swap"), [(1, 1.29, 1.89), (10, 4.71, 7.09), (100, 19.41, 30.98)])
def test_noise_divided_by_the_root_of_the_parties_misses_the_claim(parties: int, add: float, swap: float) -> None:
    ledger = voted(parties)
    assert view_epsilon(ledger, DELTA) == pytest.approx(add, abs=0.01)
    assert view_epsilon(ledger, DELTA, "replace") == pytest.approx(swap, abs=0.01)
    assert view_epsilon(ledger, DELTA, sealed=frozenset({"VOTE"})) == pytest.approx(1.29, abs=0.01)
    verdict = judge(claim(4.0, view="sum"), ledger, frozenset())
    assert verdict.status == (REFUTED if parties > 1 else "holds")
    assert verdict.epsilon == pytest.approx(add, abs=0.01)
    assert verdict.epsilon_sum == pytest.approx(1.29, abs=0.01)


def test_gaussian_epsilon_solves_the_exact_condition() -> None:
    for mu in (0.1, 1.0, 5.0):
        value = gaussian_epsilon(mu, DELTA)
        tail = [0.5 * erfc(x / sqrt(2)) for x in (value / mu - mu / 2, value / mu + mu / 2)]
        assert tail[0] - exp(value) * tail[1] == pytest.approx(DELTA, rel=1e-4)
    assert gaussian_epsilon(0.0, DELTA) == 0.0


def test_rounds_compose_and_sessions_do_not() -> None:
    once, thrice = view_epsilon(voted(10), DELTA), view_epsilon(voted(10, rounds=3), DELTA)
    assert once is not None
    assert thrice == pytest.approx(gaussian_epsilon(sqrt(3) * 1.633 / sigma(10), DELTA))
    me = Mechanisms("p", torch.Generator())
    for session in range(5):
        message = Message(Kind.VOTE, {"votes": torch.ones(30)}, session, sensitivity={"votes": VOTE})
        me.begin(message)
        me.end(message.replace(votes=me.gaussian(message["votes"], scale=sigma(10), clip=None)))
    (entry,) = me.ledger()
    assert (entry.releases, entry.uses) == (1, 5)
    assert view_epsilon([entry], DELTA) == pytest.approx(once)


def test_numerical_composition_agrees_with_closed_forms() -> None:
    exact = gaussian_epsilon(sqrt(4 * 0.3**2), DELTA)
    mixed = epsilon([Loss("gaussian", 0.3, 4), Loss("laplace", 1e-4, 1)], DELTA)
    assert mixed == pytest.approx(exact, rel=0.01)
    assert epsilon([Loss("laplace", 0.5, 3)], 0.0) == pytest.approx(1.5)
    assert epsilon([Loss("gaussian", 0.5, 3)], 0.0) is None
    assert epsilon([Loss("gaussian", None, 1)], DELTA) is None
    whole = epsilon([Loss("dpsgd", 1.0, 2, rate=1.0)], DELTA)
    assert whole == pytest.approx(gaussian_epsilon(sqrt(2), DELTA), rel=0.01)
    sampled = epsilon([Loss("dpsgd", 1.0, 2, rate=0.05)], DELTA)
    replaced = epsilon([Loss("dpsgd", 1.0, 2, rate=0.05)], DELTA, "replace")
    assert sampled is not None and replaced is not None and whole is not None
    assert sampled < replaced < whole


def test_ratios_of_rows_whole_tensors_and_clipped_vectors() -> None:
    x = torch.ones(3, 4)
    rows = Bound(torch.tensor([2.0, 0.1, 0.5]))
    found = ratios(x, torch.tensor([[4.0], [0.1], [1.0]]), None, rows, 2)
    assert found.add_remove == pytest.approx(1.0) and found.replace == pytest.approx(2.0) and found.vector is None
    assert ratios(x, 1.0, 0.25, rows, 2).add_remove == pytest.approx(0.5)  # the clip bounds what a record can do
    whole = ratios(x, 0.5, 3.0, Bound(1.0), 2)
    assert (whole.add_remove, whole.vector) == (2.0, 12.0)
    assert ratios(x, 0.5, None, Bound(1.0), 1).add_remove == pytest.approx(sqrt(12) / 0.5)
    assert ratios(x, 0.5, None, Bound(1.0, l1=3.0), 1).add_remove == 6.0
    assert ratios(x, 0.0, 1.0, Bound(1.0), 2).add_remove is None


def test_what_no_mechanism_released_is_in_the_ledger() -> None:
    me = Mechanisms("p", torch.Generator())
    payload: dict[str, Value] = {
        "means": torch.ones(2, 4),
        "counts": torch.tensor([1, 2]),
        "classes": ["a", "b"],
        "bias": torch.ones(3),
    }
    bounds = {"means": 1.0, "classes": 0.0, "bias": "model"}
    message = Message(Kind.PROTOTYPE, payload, sensitivity=bounds)
    me.begin(message)
    me.end(message)
    assert me.ledger() == ()
    me.begin(message)
    noisy = me.gaussian(message["means"], scale=1.0, clip=None)
    me.end(message.replace(means=noisy, bias=torch.zeros(3)))
    kinds = {(e.mechanism, e.field) for e in me.ledger()}
    assert {("gaussian", "means"), ("clear", "counts"), ("elsewhere", "bias"), ("clear", "bias")} <= kinds
    assert view_epsilon(me.ledger(), DELTA) is None
    me.note_training(DPSGD(1.0, 2.0), 0.1, 3)
    # Untouched, it follows from a model trained privately; what the defense put in its place may hold anything.
    assert [e.mechanism for e in me.ledger() if e.field == "bias"] == ["elsewhere"]
    me.note_plain_training()
    assert [e.mechanism for e in me.ledger() if e.field == "bias"] == ["clear", "elsewhere"]


def test_of_two_fields_that_hold_the_same_numbers_the_one_that_was_given_is_noted() -> None:
    me = Mechanisms("p", torch.Generator())
    message = Message(Kind.VOTE, {"near": torch.ones(4), "far": torch.ones(4)}, sensitivity={"near": 1.0, "far": 1.0})
    me.begin(message)
    far = me.gaussian(message["far"], scale=1.0, clip=None)
    me.end(message.replace(near=me.gaussian(message["near"], scale=1.0, clip=None), far=far))
    assert sorted((e.mechanism, e.field) for e in me.ledger()) == [("gaussian", "far"), ("gaussian", "near")]


def test_constants_and_mechanisms_on_something_else() -> None:
    me = Mechanisms("p", torch.Generator())
    payload: dict[str, Value] = {"means": torch.ones(2, 4), "counts": torch.tensor([1, 2])}
    message = Message(Kind.PROTOTYPE, payload, sensitivity={"means": 1.0})
    me.begin(message)
    noisy = me.gaussian(10 * message["means"], scale=1.0, clip=None)  # not the field: the scenario's word is void
    me.end(message.replace(means=noisy, counts=me.constant(message["counts"], 1)))
    assert [(e.mechanism, e.field) for e in me.ledger()] == [
        ("gaussian", ""),
        ("constant", "counts"),
        ("elsewhere", "means"),
    ]


def sent_over(rounds: int, send: Callable[[Mechanisms, Message], Value], changes: bool = True) -> Mechanisms:
    """A party that releases one field in every round, by ``send``, with other content each time if it ``changes``."""
    me = Mechanisms("p", torch.Generator().manual_seed(1))
    for number in range(rounds):
        votes = torch.arange(30.0) + (number if changes else 0)
        message = Message(Kind.VOTE, {"votes": votes}, round=number, sensitivity={"votes": VOTE})
        me.begin(message)
        me.end(message.replace(votes=send(me, message)))
    return me


def test_a_mechanism_whose_output_is_thrown_away_supports_no_claim() -> None:
    def deceive(me: Mechanisms, message: Message) -> Value:
        me.gaussian(message["votes"], scale=sigma(1), clip=None)
        return torch.as_tensor(message["votes"] + 1e-3)

    verdict = judge(claim(), sent_over(1, deceive).ledger(), frozenset())
    assert (verdict.status, verdict.epsilon) == ("unverified", None)


def test_noise_that_is_used_again_on_other_values_supports_no_claim() -> None:
    kept: list[torch.Tensor] = []

    def reuse(me: Mechanisms, message: Message) -> Value:
        noisy = me.gaussian(message["votes"], scale=sigma(1), clip=None)
        kept.append(noisy - message["votes"])
        return torch.as_tensor(message["votes"] + kept[0])

    assert judge(claim(), sent_over(1, reuse).ledger(), frozenset()).status == "holds"
    kept.clear()
    assert judge(claim(), sent_over(3, reuse).ledger(), frozenset()).status == "unverified"


def test_an_output_sent_again_for_the_same_values_is_no_second_release() -> None:
    kept: list[Value] = []

    def once(me: Mechanisms, message: Message) -> Value:
        if not kept:
            kept.append(me.gaussian(message["votes"], scale=sigma(1), clip=None))
        return kept[0]

    (entry,) = sent_over(3, once, changes=False).ledger()
    assert entry.releases == 1
    kept.clear()
    # For other values it would say that these have not changed.
    assert {entry.mechanism for entry in sent_over(3, once).ledger()} == {"gaussian", "elsewhere"}


def test_every_output_that_could_have_been_chosen_counts() -> None:
    def choose(me: Mechanisms, message: Message) -> Value:
        tried = [me.gaussian(message["votes"], scale=sigma(1), clip=None) for _ in range(5)]
        return min(tried, key=lambda noisy: float((noisy - message["votes"]).abs().max()))

    (entry,) = sent_over(1, choose).ledger()
    assert entry.releases == 5


@pytest.mark.parametrize(
    "process",
    [
        lambda me, noisy: me.quantise(me.clamp(noisy, 0.0, 20.0), 0.5),
        lambda me, noisy: noisy.half(),
        lambda me, noisy: pack_int8(noisy),
        lambda me, noisy: pack_top_k(noisy, 7),
    ],
    ids=["clamped and quantised", "half precision", "8 bits", "top-k"],
)
def test_post_processing_by_the_harness_keeps_the_claim(process: Callable[[Mechanisms, torch.Tensor], Value]) -> None:
    def send(me: Mechanisms, message: Message) -> Value:
        return process(me, me.gaussian(message["votes"], scale=sigma(1), clip=None))

    assert judge(claim(), sent_over(1, send).ledger(), frozenset()).status == "holds"


def test_post_processing_of_the_data_is_no_mechanism() -> None:
    ledger = sent_over(1, lambda me, message: me.quantise(message["votes"], 0.7)).ledger()
    assert judge(claim(), ledger, frozenset()).status == "unverified"


def test_noise_does_not_repeat_where_a_defense_seeds_its_generator() -> None:
    seen = []

    def reseed(me: Mechanisms, message: Message) -> Value:
        me.generator.manual_seed(0)
        seen.append(me.gaussian(message["votes"], scale=1.0, clip=None))
        return seen[-1]

    sent_over(2, reseed, changes=False)
    assert not torch.equal(*seen)


def test_a_replacement_that_changes_the_class_moves_two_rows() -> None:
    rows = Bound(torch.tensor([5.0, 5.0, 0.1]))
    x = torch.ones(3, 4)
    assert ratios(x, 1.0, 0.5, rows, 2).replace == pytest.approx(sqrt(2))  # each row by its clip's reach of 1
    assert ratios(x, 1.0, 0.5, rows, 1).replace == pytest.approx(2.0)
    assert ratios(x[:2], 1.0, None, Bound(torch.tensor([1.0, 0.5])), 2).replace == pytest.approx(
        2.0
    )  # within one class


def claim(value: float = 3.0, **changes: str) -> Claim:
    words = {"unit": "record", "adjacency": "add_remove", "view": "server", **changes}
    return Claim(epsilon=value, delta=DELTA, **words)


def test_verdicts() -> None:
    ledger = voted(1)
    assert judge(claim(), ledger, frozenset()).status == "holds"
    assert judge(claim(1.0), ledger, frozenset()).status == REFUTED
    assert judge(claim(1.28), ledger, frozenset()).status == "holds"  # numerical accountants round up
    idle = judge(claim(), (), frozenset())
    assert (idle.status, idle.epsilon) == ("unverified", None)
    assert judge(claim(unit="moon"), ledger, frozenset()).status == "unverified"
    assert judge(claim(), voted(1, bound=None), frozenset()).status == "unverified"
    clear = LedgerEntry(mechanism="clear", field="counts", party="p0")
    assert judge(claim(), [*ledger, clear], frozenset()).status == REFUTED
    changed = LedgerEntry(mechanism="elsewhere", field="counts", party="p0")
    assert judge(claim(), [*ledger, changed], frozenset()).status == "unverified"


def test_vectors_and_clients_are_bounded_by_the_clip() -> None:
    me = Mechanisms("p", torch.Generator())
    message = Message(Kind.HIDDEN, {"hidden": torch.ones(5, 4)})
    me.begin(message)
    me.end(message.replace(hidden=me.gaussian(message["hidden"], scale=2.0, clip=1.0)))
    assert losses(me.ledger(), "replace", "vector") == [Loss("gaussian", 1.0, 1)]
    assert losses(me.ledger(), "replace", "client") == [Loss("gaussian", 1.0, 5)]
    assert losses(me.ledger(), "replace") == [Loss("gaussian", 1.0, 5)]


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


def test_the_server_of_a_secure_sum_sees_less(runner: Runner, toy_folder: Path, submission: Make) -> None:
    noisy = submission("""
    class Plugin(Defense):
        def send(self, message):
            return message.replace(means=self.me.gaussian(message["means"], clip=1.0, scale=2.0),
                                   counts=self.me.constant(message["counts"], 1))
    """)
    found = []
    for secure in (False, True):
        deployed = toy_protocol.deployment(str(toy_folder), rounds=1, secure=secure)
        outcome = runner.execute(deployed, Execution(noisy))
        sealed = sealed_kinds(outcome.log, tuple(deployed.parties))
        assert sealed == (frozenset({"PROTOTYPE"}) if secure else frozenset())
        found.append(judge(claim(), outcome.ledger, sealed))
    alone, summed = found
    assert alone.epsilon == alone.epsilon_party == pytest.approx(gaussian_epsilon(1.0, DELTA), rel=1e-6)
    assert summed.epsilon == summed.epsilon_sum == pytest.approx(gaussian_epsilon(sqrt(1 / 3), DELTA), rel=1e-6)


def test_private_training_really_samples_and_is_in_the_ledger(
    runner: Runner, toy_folder: Path, submission: Make
) -> None:
    private = submission("""
    from harness import DPSGD

    class Plugin(Defense):
        def dp(self):
            return DPSGD(clip=1.0, noise_multiplier=2.0, sample_rate=0.5)
    """)
    deployed = replace(toy_protocol.deployment(str(toy_folder), rounds=2), tasks=())
    plain, outcome = runner.execute(deployed, Execution(None)), runner.execute(deployed, Execution(private))
    entries = [e for e in outcome.ledger if e.mechanism == "dpsgd"]
    assert [(e.clip, e.scale, e.sample_rate, e.releases) for e in entries] == [(1.0, 2.0, 0.5, 4)] * 3
    weights = [o.own.entries[0].message()["weight"] for o in (plain, outcome)]
    assert not torch.equal(*weights)
    assert outcome.costs.private_flops > 0
    (mine,) = losses([e for e in entries if e.party == "client0"], "add_remove")
    assert mine == Loss("dpsgd", 0.5, 4, 0.5)
