"""The shipped defenses of logits: what they change on the wire, what they claim, and where the claim ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from harness.dp.claims import REFUTED, judge, sealed_kinds
from harness.dp.mechanisms import Mechanisms
from harness.plugins.submission import load_submission
from harness.runtime.execution import Execution
from harness.runtime.host import load_defense_class
from harness.runtime.runner import Runner
from harness.store.schema import Verdict
from harness.wire.message import Kind, Message
from tests.stand_ins.toy_logits import deploy

ROOT = Path(__file__).resolve().parents[3] / "submissions"
LOGITS = torch.randn(40, 6, generator=torch.Generator().manual_seed(0)) * 3


def made(name: str, **parameters: Any) -> Any:
    found = load_submission(ROOT / name)
    defense: Any = load_defense_class(found.folder, found.target)(**parameters)
    defense.me = Mechanisms("client1", torch.Generator().manual_seed(1))
    return defense


def sent(defense: Any) -> torch.Tensor:
    message = Message(Kind.LOGITS, {"logits": LOGITS, "index": list(range(len(LOGITS)))})
    defense.me.begin(message)
    out = defense.send(message)
    assert out["index"] == message["index"]
    found: torch.Tensor = out["logits"]
    return found


@pytest.mark.parametrize("name", ["logit_temperature", "logit_top_k", "hard_labels", "logit_gaussian"])
def test_other_messages_pass(name: str) -> None:
    defense = made(name, **load_submission(ROOT / name).points[0].parameters)
    message = Message(Kind.PARAMETERS, {"weight": LOGITS})
    assert defense.send(message) is message


def test_a_temperature_is_a_softmax_that_everybody_can_undo() -> None:
    defense = made("logit_temperature", temperature=5.0)
    softened = sent(defense)
    torch.testing.assert_close(softened.exp(), torch.softmax(LOGITS / 5, -1))
    back = defense.receive(Message(Kind.LOGITS, {"logits": softened}))["logits"]
    torch.testing.assert_close(back.softmax(-1), LOGITS.softmax(-1))


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_the_largest_stay_and_the_rest_is_even(k: int) -> None:
    p, kept = LOGITS.softmax(-1), sent(made("logit_top_k", k=k)).exp()
    torch.testing.assert_close(kept.sum(-1), torch.ones(len(LOGITS)))
    largest = p.topk(k, -1)
    torch.testing.assert_close(kept.gather(-1, largest.indices), largest.values)
    rest = kept.scatter(-1, largest.indices, -1.0)
    for row in rest:
        others = row[row >= 0]
        torch.testing.assert_close(others, others[:1].expand(len(others)))


def test_a_hard_label_is_one_number() -> None:
    votes = sent(made("hard_labels", weight=6.0))
    assert torch.equal(votes.argmax(-1), LOGITS.argmax(-1))
    assert votes.unique().tolist() == pytest.approx([-1.0, 5.0])
    torch.testing.assert_close(votes.sum(-1), torch.zeros(len(LOGITS)))


def test_smoothing_is_the_cross_entropy_of_the_mixture() -> None:
    labels = torch.arange(len(LOGITS)) % 6
    extra = made("label_smoothing", smoothing=0.3).objective(LOGITS, (None, labels))
    plain, smooth = (torch.nn.functional.cross_entropy(LOGITS, labels, label_smoothing=e) for e in (0.0, 0.3))
    torch.testing.assert_close(plain + extra, smooth)


def test_noise_is_in_proportion_to_twice_the_clip() -> None:
    defense = made("logit_gaussian", multiplier=0.5, clip=2.0)
    sent(defense)
    (entry,) = [e for e in defense.me.ledger() if e.field == "logits"]
    assert (entry.clip, entry.scale, entry.ratio_vector) == (2.0, 2.0, 2.0)


def verdict(runner: Runner, folder: Path, name: str, point: int, **changes: Any) -> Verdict:
    found, deployment = load_submission(ROOT / name), deploy(folder, **changes)
    outcome = runner.execute(deployment, Execution(found, point))
    claim = found.claim_at(point)
    assert claim is not None
    return judge(claim, outcome.ledger, sealed_kinds(outcome.log, tuple(deployment.parties)))


@pytest.mark.parametrize("point", [2, 3])
def test_answer_by_answer_the_noise_keeps_its_claim(runner: Runner, toy_folder: Path, point: int) -> None:
    found = verdict(runner, toy_folder, "logit_gaussian", point)
    assert found.status == "holds", found.reason


@pytest.mark.slow
def test_private_training_keeps_its_claim_over_all_rounds(runner: Runner, toy_folder: Path) -> None:
    found = verdict(runner, toy_folder, "dp_sgd", 0, batch_size=2, rounds=1)
    assert found.status == "holds", found.reason
    assert found.epsilon is not None
    assert 0.5 * found.claimed < found.epsilon <= found.claimed


@pytest.mark.slow
def test_private_training_is_calibrated_over_inner_rounds(runner: Runner, toy_folder: Path) -> None:
    """Of the trainings alone: what the hierarchy sends in the clear is another matter."""
    found = load_submission(ROOT / "dp_sgd")
    deployment = deploy(toy_folder, method="fedhkt", models=("linear",), inner_rounds=3, batch_size=2, rounds=2)
    trained = [e for e in runner.execute(deployment, Execution(found, 0)).ledger if e.mechanism == "dpsgd"]
    claim = found.claim_at(0)
    assert claim is not None and len(trained) == len(deployment.parties)
    made = judge(claim, trained, frozenset())
    assert made.status == "holds", made.reason
    assert made.epsilon is not None and 0.5 * claim.epsilon < made.epsilon


def test_where_clients_send_counts_in_the_clear_no_claim_holds(runner: Runner, toy_folder: Path) -> None:
    changes: dict[str, Any] = {"method": "fedhkt", "models": ("linear",), "inner_rounds": 1, "batch_size": 2}
    found = verdict(runner, toy_folder, "dp_sgd", 2, **changes)
    assert (found.status, "counts" in found.reason) == (REFUTED, True)
    assert verdict(runner, toy_folder, "logit_gaussian", 2, **changes).status == "unverified"
