"""The private party of split fine-tuning: it owns texts and labels, and trains its own blocks with the model party.

Vepakomma et al. (2018), section 2: "vanilla" split learning with the loss at the data party (head-tail), and the
U-shaped configuration (head-body-tail), in which labels and class head never leave it. Every message of every round
goes through the defense: states up, gradients up. The batches are those of the deployment, which both sides know.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.scenario import DefenseError, Item, Kind, Message, Party, Sent
from scenarios.split_llm.client import prompt
from scenarios.split_llm.finetune_parts import class_head, padded, pooled, rows_of, trainable, word_head

__all__ = ["alone_party", "check_places", "finetune_party"]

_SHAPE = {"lengths": 0}
"""Rows of each text: the shape of what is sent, which the protocol fixes and no defense may change."""


def finetune_party(me: Party) -> Generator[Sent, Message, None]:
    """Train over all batches with the model party, then label the held-out texts with it."""
    own = _OwnSide(me, alone=False)
    for number, batch in enumerate(me.settings["batches"]):
        ids, mask, labels = own.batch([me.records[place] for place in batch])
        hidden = own.learner.run(own.head, ids, mask)
        lengths = mask.sum(1).tolist()
        sent = me.send(Kind.HIDDEN, round=number, sensitivity=_SHAPE, hidden=rows_of(hidden, mask), lengths=lengths)
        check_places(sent, lengths)
        reply = yield sent
        gradient: dict[str, Any] = own.gradient(reply, lengths, labels)
        back = yield me.send(Kind.GRADIENT, round=number, sensitivity=_SHAPE, **gradient)
        extra = own.learner.objective(rows_of(hidden, mask), (own.inputs(ids, mask), labels, lengths))
        if extra is not None:
            extra.backward(retain_graph=True)
        me.backward(sent, "hidden", back["hidden"])
        own.learner.step()
    for item in me.inputs():
        ids, mask, _ = own.batch([item])
        hidden = own.learner.run(own.head, ids, mask, training=False)
        text: dict[str, Any] = {"hidden": hidden[0], "lengths": [len(ids[0])]}
        reply = yield me.send(Kind.HIDDEN, round=len(me.settings["batches"]), sensitivity=_SHAPE, **text)
        me.predict(item.id, {"label": own.answer(reply)})


def alone_party(me: Party) -> Generator[Sent, Message, None]:
    """Train the own blocks and a class head of its own on the same batches, without the model party's blocks."""
    own = _OwnSide(me, alone=True)
    for batch in me.settings["batches"]:
        ids, mask, labels = own.batch([me.records[place] for place in batch])
        states = own.finished(own.learner.run(own.head, ids, mask), mask, training=True)
        cross_entropy(own.classes(pooled(states, mask, own.causal)), labels).backward()
        own.learner.step()
    for item in me.items:
        ids, mask, _ = own.batch([item])
        hidden = own.learner.run(own.head, ids, mask, training=False)
        with torch.inference_mode():
            scores = own.classes(pooled(own.finished(hidden, mask, training=False), mask, own.causal))
        me.predict(item.id, {"label": me.settings["labels"][int(scores.argmax())]})
    return
    yield  # a generator that sends nothing


def check_places(sent: Sent, lengths: Sequence[int]) -> None:
    """Refuse a batch whose texts have changed places: an attacker knows which record stands where, and a defense that
    shuffles them and turns the answers back hides that alone, not what was sent.

    Raises:
        DefenseError: ``lengths`` differ, or the means of what was sent fit those of other texts of the batch, as
            before the defense, twice as well as their own.
    """
    from scipy.optimize import linear_sum_assignment

    if sent.live.payload.get("lengths") != list(lengths):
        raise DefenseError("send() must leave the lengths of the texts in a batch as they are")
    after, before = (
        torch.stack([part.mean(0) for part in torch.split(message["hidden"].detach().float(), list(lengths))])
        for message in (sent.live, sent.plain)
    )
    squared = torch.cdist(after, before).square()
    rows, columns = linear_sum_assignment(squared.numpy())
    if float(squared[rows, columns].sum()) < 0.5 * float(squared.diagonal().sum()):
        raise DefenseError("send() must leave every text of a batch in its own rows")


class _OwnSide:
    """The private party's blocks, class head and optimiser."""

    def __init__(self, me: Party, alone: bool) -> None:
        settings = me.settings
        part, rank = me.part("head").part, settings["rank"]
        self.me, self.causal = me, part.causal
        self.u_shaped = settings["topology"] == "head-body-tail"
        self.head = trainable(part, rank, me.generator)
        modules = [self.head]
        self.tail: nn.Module | None = None
        if self.u_shaped:
            self.tail = trainable(me.part("tail").part, rank, me.generator)
            modules.append(self.tail)
        if self.u_shaped or alone:
            words = settings["label_words"]
            self.classes = (
                word_head(part.embed_table, [words[label] for label in settings["labels"]])
                if words
                else class_head(part.hidden_size, len(settings["labels"]), me.generator)
            )
            modules.append(self.classes)
        self.learner = me.learner(modules, lr=settings["lr"])

    def batch(self, items: Sequence[Item]) -> tuple[Tensor, Tensor, Tensor]:
        """Token ids [B, T], mask [B, T] and class numbers [B] (0 of inputs, which have no label)."""
        settings, labels = self.me.settings, self.me.settings["labels"]
        known = [item.label for item in items]
        if strange := [label for label in known if label is not None and label not in labels]:
            raise DefenseError(f"prepare() gave a record the label {strange[0]!r}, which is none of {labels}")
        prompts = [prompt(self.me.tokenizer.encode(item.text), settings) for item in items]
        if not all(prompts):
            raise DefenseError("prepare() left a text without any token")
        ids, mask = padded(torch.tensor([t for row in prompts for t in row]), [len(row) for row in prompts])
        numbers = [0 if label is None else labels.index(label) for label in known]
        return ids, mask, torch.tensor(numbers)

    def inputs(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Embeddings [n, d] of the tokens, for a defense that keeps states apart from what they are states of."""
        return self.me.part("head").part.embed_table.detach()[rows_of(ids, mask)]

    def gradient(self, reply: Message, lengths: Sequence[int], labels: Tensor) -> dict[str, Any]:
        """The gradient of the mean loss of the batch in what was answered; those of the own tail await a step."""
        name = "hidden" if self.u_shaped else "logits"
        answer = reply[name].detach().float().clone().requires_grad_()
        cross_entropy(self._scores(answer, lengths), labels).backward()
        assert answer.grad is not None
        return {name: answer.grad, **({"lengths": list(lengths)} if self.u_shaped else {})}

    def _scores(self, answer: Tensor, lengths: Sequence[int]) -> Tensor:
        """Class scores [B, C] of states [n, d] or of scores themselves."""
        if not self.u_shaped:
            return answer
        states, mask = padded(answer, lengths)
        scores: Tensor = self.classes(pooled(self.finished(states, mask, training=True), mask, self.causal))
        return scores

    def finished(self, states: Tensor, mask: Tensor, *, training: bool) -> Tensor:
        """States after the own tail, where there is one."""
        return states if self.tail is None else self.learner.run(self.tail, states, mask, training=training)

    def answer(self, reply: Message) -> str:
        """The label of one text."""
        if self.u_shaped:
            states, mask = padded(reply["hidden"].float(), [len(reply["hidden"])])
            with torch.inference_mode():
                scores = self.classes(pooled(self.finished(states, mask, training=False), mask, self.causal))[0]
        else:
            scores = reply["logits"][0]
        label: str = self.me.settings["labels"][int(scores.argmax())]
        return label
