"""Split fine-tuning: the messages are those of joint training, the sampling is the harness's, runs look alike."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from harness.errors import DefenseError, SuiteError
from harness.evaluation.cells import defense_card
from harness.models.split import public_part
from harness.plugins.submission import load_submission
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.secrets import AttributeSecret
from harness.scenario.toy import toy_records
from harness.wire.coalition import SERVER
from harness.wire.facts import FinetuneFacts
from harness.wire.message import Kind, Message
from scenarios.split_llm.finetune_build import Accuracy, assemble_finetuning, small_finetuning
from scenarios.split_llm.finetune_parts import padded, pooled, rows_of, trainable
from scenarios.split_llm.scenario import FINETUNING
from scenarios.split_llm.settings import Settings, Training

TOPOLOGIES = ("head-tail", "head-body-tail")
PARTY = "data_party"
NAMES = ("cut_gaussian", "marvell", "max_norm", "label_dp", "distance_correlation", "withheld_gradients")


def run(deployment: Deployment, runner: Runner, behaviour: str = "honest", name: str = "") -> Outcome:
    variant = deployment.variants.get(behaviour)
    submission = load_submission(Path(__file__).parents[3] / "submissions" / name) if name else None
    return runner.execute(
        variant() if variant else deployment, Execution(submission, behaviour=behaviour, noise=("t",))
    )


def sent(outcome: Outcome, kind: Kind, sender: str, rounds: int) -> list[Message]:
    """Messages of the training rounds, in order."""
    messages = [e.message() for e in outcome.log.entries if e.sender == sender]
    return [m for m in messages if m.kind is kind and m.round < rounds]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_drawn_messages_are_sent(topology: str, toy_folder: Path, runner: Runner) -> None:
    outcome = run(small_finetuning(str(toy_folder), topology=topology), runner)
    roles = {SERVER: "model_party", PARTY: PARTY}
    crossed = {(roles[e.sender], roles[e.receiver], e.message().kind.name) for e in outcome.log.entries}
    assert crossed == {(s.sender, s.receiver, s.kind) for s in FINETUNING[topology] if s.receiver}


def test_logit_gradients_are_those_of_the_mean_cross_entropy(toy_folder: Path, runner: Runner) -> None:
    deployment = small_finetuning(str(toy_folder), topology="head-tail")
    facts, outcome = deployment.public.need(FinetuneFacts), run(deployment, runner)
    label = {r.id: facts.labels.index(str(r.label)) for r in deployment.parties[PARTY].records}
    rounds = len(facts.batches)
    up, down = sent(outcome, Kind.GRADIENT, PARTY, rounds), sent(outcome, Kind.LOGITS, SERVER, rounds)
    assert len(up) == len(down) == rounds == 6
    for batch, gradient, scores in zip(facts.batches, up, down, strict=True):
        y = one_hot(torch.tensor([label[record] for record in batch]), 2)
        expected = (scores["logits"].softmax(-1) - y) / len(batch)
        assert torch.allclose(gradient["logits"], expected, atol=1e-6)


def test_the_gradient_that_comes_back_is_that_of_the_model_partys_blocks(toy_folder: Path, runner: Runner) -> None:
    """In the first round adapters have no effect: the blocks are the public ones."""
    deployment = small_finetuning(str(toy_folder))
    facts, outcome = deployment.public.need(FinetuneFacts), run(deployment, runner)
    states, up = (sent(outcome, kind, PARTY, 1)[0] for kind in (Kind.HIDDEN, Kind.GRADIENT))
    back = sent(outcome, Kind.GRADIENT, SERVER, 1)[0]
    assert up["lengths"] == states["lengths"] and len(states["lengths"]) == len(facts.batches[0])
    hidden, mask = padded(states["hidden"], states["lengths"])
    hidden.requires_grad_()
    body = public_part(facts.model, facts.cut, facts.tail, head=False, embed=False)
    rows_of(body(hidden, mask=mask), mask).backward(up["hidden"])
    assert hidden.grad is not None
    assert torch.allclose(rows_of(hidden.grad, mask), back["hidden"], atol=1e-6)


@pytest.mark.parametrize("rank", [0, 2])
def test_both_sides_learn(rank: int, toy_folder: Path, runner: Runner) -> None:
    """The same texts are answered otherwise once both have trained: one epoch is not like the next."""
    deployment = small_finetuning(str(toy_folder), rank=rank, lr=0.02, epochs=3, batch_size=12)
    facts, outcome = deployment.public.need(FinetuneFacts), run(deployment, runner)
    gradients = [float(m["hidden"].norm()) for m in sent(outcome, Kind.GRADIENT, PARTY, len(facts.batches))]
    assert gradients[-1] != pytest.approx(gradients[0], rel=0.01)
    by_record: dict[str, list[torch.Tensor]] = {}
    for batch, message in zip(facts.batches, sent(outcome, Kind.HIDDEN, PARTY, len(facts.batches)), strict=True):
        for record, rows in zip(batch, torch.split(message["hidden"], message["lengths"]), strict=True):
            by_record.setdefault(record, []).append(rows)
    assert all(not torch.equal(first, last) for first, *_, last in by_record.values())


def test_every_record_comes_once_in_each_epoch_and_no_hint_is_scored(toy_folder: Path) -> None:
    deployment = small_finetuning(str(toy_folder))
    facts, plan = deployment.public.need(FinetuneFacts), deployment.parties[PARTY]
    names = {record.id for record in plan.records}
    assert sorted(r for batch in facts.batches for r in batch) == sorted([*names] * 2)
    assert all({r for batch in facts.batches[a : a + 3] for r in batch} == names for a in (0, 3))
    secret = deployment.secrets["label"]
    assert set(secret.records) == names - set(facts.hints) and len(facts.hints) == 2
    truth = {r.id: int(r.label == facts.labels[1]) for r in plan.records}
    assert isinstance(secret, AttributeSecret)
    assert secret.labels == {r: truth[r] for r in secret.records}
    assert "hints" not in plan.settings, "the worker does not learn what the attacker knows"


def shape(outcome: Outcome) -> list[Any]:
    """Everything about the messages but their numbers, and the lengths of texts, which are their own."""
    seen = [(e.sender, e.message()) for e in outcome.log.entries]
    return [(who, m.kind, m.session, m.step, m.round, sorted(m.payload)) for who, m in seen]


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_runs_of_all_kinds_have_one_shape(topology: str, toy_folder: Path, runner: Runner) -> None:
    live = small_finetuning(str(toy_folder), topology=topology)
    assert live.redraw is not None
    shadow = live.redraw(np.random.default_rng(0), {})
    plan, other = live.parties[PARTY], shadow.parties[PARTY]
    assert other.settings == plan.settings and other.items == plan.items
    assert [r.id for r in other.records] == [r.id for r in plan.records]
    assert sorted(str(r.label) for r in other.records) == sorted(str(r.label) for r in plan.records)
    assert not {r.text for r in other.records} & {r.text for r in plan.records}
    assert shape(run(live, runner)) == shape(run(shadow, runner)) == shape(run(live, runner, "knockout"))


def test_the_party_alone_sends_nothing_and_answers_everything(toy_folder: Path, runner: Runner) -> None:
    for topology in TOPOLOGIES:
        deployment = small_finetuning(str(toy_folder), topology=topology)
        outcome = run(deployment, runner, "local_only")
        assert not outcome.log.entries
        assert set(outcome.predictions) == {item.id for item in deployment.parties[PARTY].items}


def test_permuted_labels_follow_no_text(toy_folder: Path) -> None:
    plain, permuted = (small_finetuning(str(toy_folder), permuted=p) for p in (False, True))
    of = [{r.text: r.label for r in d.parties[PARTY].records} for d in (plain, permuted)]
    assert of[0].keys() == of[1].keys() and of[0] != of[1]
    assert sorted(map(str, of[0].values())) == sorted(map(str, of[1].values()))
    assert permuted.secrets["label"] != plain.secrets["label"]


def test_utility_is_measured_from_word_frequencies_too() -> None:
    labels = {"r0": "a", "r1": "b", "r2": "b", "r3": "a"}
    task = Accuracy(labels, plain={"r0": "a", "r1": "b", "r2": "b", "r3": "b"})
    assert sum(score.value or 0 for score in task.blind()) == 3
    assert sum(score.value or 0 for score in Accuracy(labels).blind()) == 2


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "marvell" else pytest.mark.slow) for name in NAMES]
)
def test_submissions_run_on_both_topologies(name: str, toy_folder: Path, runner: Runner) -> None:
    for topology in TOPOLOGIES:
        deployment = small_finetuning(str(toy_folder), topology=topology)
        plain, defended = run(deployment, runner), run(deployment, runner, name=name)
        assert shape(plain) == shape(defended)
        assert [e.frame for e in plain.log.entries] != [e.frame for e in defended.log.entries]


def test_adapters_start_without_effect_and_share_the_frozen_weights(toy_folder: Path) -> None:
    facts = small_finetuning(str(toy_folder)).public.need(FinetuneFacts)
    part = public_part(facts.model, 0, 2, head=False)
    adapted = trainable(part, 2, torch.Generator().manual_seed(0))
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(adapted(ids), part(ids))
    trained = {name for name, p in adapted.named_parameters() if p.requires_grad}
    assert trained and all("lora_" in name for name in trained)
    whole = trainable(part, 0, torch.Generator())
    assert {n.split(".")[0] for n, p in whole.named_parameters() if p.requires_grad} == {"blocks"}
    assert not any(p.requires_grad for p in part.parameters()), "the public part stays as it is"


def test_pooling_reads_real_rows_alone() -> None:
    rows = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    batch, mask = padded(rows, [2, 3])
    assert torch.equal(rows_of(batch, mask), rows)
    means, last = pooled(batch, mask, causal=False), pooled(batch, mask, causal=True)
    for place, part in enumerate((rows[:2], rows[2:])):
        mean, end = part.mean(0), part[-1]
        assert torch.allclose(means[place], mean / mean.square().mean().sqrt(), atol=1e-5)
        assert torch.allclose(last[place], end / end.square().mean().sqrt(), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"training": {"batch_size": 40}}, "batch_size: 40 of 32"),
        ({"training": {"hints": 30}}, "at most half"),
        ({"training": {}, "known": 3}, "known: has no meaning"),
        ({"training": {"classes": ["a"]}}, "name two"),
        ({"training": {}, "label_words": {"a": "b"}}, "class head is the private party's"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        Settings.read("e", {"model": "m", "data": "d", **given})


def test_a_side_without_a_block_to_train_is_refused(toy_folder: Path) -> None:
    settings = Settings(
        model=small_finetuning(str(toy_folder)).public.need(FinetuneFacts).model,
        data="toy",
        cut=3,
        records=12,
        auxiliary=8,
        public=4,
        training=Training(batch_size=4, hints=2, test=4),
    )
    with pytest.raises(SuiteError, match="no block to train"):
        assemble_finetuning(settings, toy_records(), ("t",))


def test_without_gradients_no_message_depends_on_a_label(toy_folder: Path, runner: Runner) -> None:
    plain, permuted = (small_finetuning(str(toy_folder), permuted=p) for p in (False, True))
    first, second = (run(d, runner, name="withheld_gradients") for d in (plain, permuted))
    rounds = len(plain.public.need(FinetuneFacts).batches)
    training = [[e.frame for e in o.log.entries if e.message().round < rounds] for o in (first, second)]
    assert training[0] == training[1] and len(training[0]) == 4 * rounds


SHUFFLES = """
class Plugin(Defense):
    def send(self, message):
        parts = torch.split(message["hidden"], message["lengths"]) if "lengths" in message.payload else ()
        if len(parts) < 2 or message.kind.value != "HIDDEN":
            return message
        order = sorted(range(len(parts)), key=lambda i: (message["lengths"][i], -i))
        return message.replace(hidden=torch.cat([parts[i] for i in order]), LENGTHS)
"""


@pytest.mark.parametrize("told", ["lengths=[message['lengths'][i] for i in order]", ""])
def test_a_defense_cannot_shuffle_a_batch(told: str, toy_folder: Path, runner: Runner, submission: Any) -> None:
    """It would hide which record stands where, turn the answers back, and be scored as private at no cost."""
    deployment = small_finetuning(str(toy_folder))
    with pytest.raises(DefenseError, match=r"as they are|own rows"):
        runner.execute(deployment, Execution(submission(SHUFFLES.replace("LENGTHS", told)), noise=("t",)))


def test_noise_of_any_size_is_no_shuffle(toy_folder: Path, runner: Runner, submission: Any) -> None:
    deployment = small_finetuning(str(toy_folder))
    for scale in (0.1, 1.0, 100.0):
        body = f"""
class Plugin(Defense):
    def send(self, message):
        sent = message.tensors()
        noise = {{k: {scale} * torch.randn(x.shape, generator=self.me.generator) for k, x in sent.items()}}
        return message.replace(**{{k: x + noise[k] for k, x in sent.items()}})
"""
        assert runner.execute(deployment, Execution(submission(body, f"plugin{int(scale)}"), noise=("t",))).predictions


def test_the_law_of_gradients_is_none_of_the_states(toy_folder: Path, runner: Runner) -> None:
    """Inverters of texts would undo a noise that no state has."""
    deployment = small_finetuning(str(toy_folder))
    submission = load_submission(Path(__file__).parents[3] / "submissions" / "cut_gaussian")
    execution = Execution(submission, noise=("t",))
    outcome = runner.execute(deployment, execution)
    assert {entry.kind for entry in outcome.ledger if entry.mechanism == "gaussian"} == {"GRADIENT"}
    plan: Any = SimpleNamespace(deployment=deployment, submission=submission, execution=execution)
    finished: Any = SimpleNamespace(plan=plan, ledger=outcome.ledger, log=outcome.log)
    nothing: Any = None
    assert defense_card(finished, nothing, lambda: ()).laws == ()
