"""The private party of split inference when it is asked lm-eval's questions: every forward goes through the defense.

It returns the final states that predict each token of its texts, and no score: the harness applies the public
vocabulary head and computes likelihoods against the original texts (:mod:`harness.lm_eval.answers`).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.scenario import Item, Kind, Message, MeteredPart, Party, Sent, Wording, cut_at, pack_rows

__all__ = ["branches", "choice_party", "generation_party", "rolling_party"]


def choice_party(me: Party) -> Generator[Sent, Message, None]:
    """Each question once, then all its continuations side by side, which share the question's keys and values."""
    head, tail, wording = me.part("head"), _tail(me), Wording.from_settings(me.tokenizer, me.settings)
    for item in me.inputs():
        before, after = head.new_cache(), tail.new_cache() if tail else None
        reply = yield me.send(Kind.HIDDEN, hidden=head(_ids(me, wording, item), before)[0])
        rows = [_finished(reply["hidden"], tail, after)[-1:]]
        rest = [torch.tensor(wording.continuation(item.text, text)[:-1]) for text in item.choices]
        lengths = [len(ids) for ids in rest]
        if any(lengths):
            reply = yield me.send(Kind.HIDDEN, hidden=branches(head, rest, before), lengths=lengths)
            states = reply["hidden"]
            rows.append(branches(tail, torch.split(states, lengths), after) if tail else states)
        me.predict(item.id, {"rows": pack_rows(torch.cat(rows)), "lengths": lengths})


def rolling_party(me: Party) -> Generator[Sent, Message, None]:
    """Each text whole; the state before each of its tokens is returned."""
    head, tail, wording = me.part("head"), _tail(me), Wording.from_settings(me.tokenizer, me.settings)
    for item in me.inputs():
        reply = yield me.send(Kind.HIDDEN, hidden=head(_ids(me, wording, item), head.new_cache())[0])
        states = _finished(reply["hidden"], tail, tail.new_cache() if tail else None)
        me.predict(item.id, {"rows": pack_rows(states[:-1])})


def generation_party(me: Party) -> Generator[Sent, Message, None]:
    """The likeliest token again and again, until a stop, the end of text, or the most tokens."""
    head, tail, wording = me.part("head"), _tail(me), Wording.from_settings(me.tokenizer, me.settings)
    vocabulary = me.part("vocabulary").part.head
    assert vocabulary is not None
    for item in me.inputs():
        before, after = head.new_cache(), tail.new_cache() if tail else None
        new, rows, chosen = _ids(me, wording, item), [], list[int]()
        for _ in range(me.settings["new_tokens"]):
            reply = yield me.send(Kind.HIDDEN, hidden=head(new, before)[0])
            rows.append(_finished(reply["hidden"], tail, after)[-1:])
            with torch.inference_mode():
                chosen.append(int(vocabulary(rows[-1]).argmax()))
            text = me.tokenizer.decode(chosen)
            if chosen[-1] == wording.end or cut_at(text, me.settings["until"]) != text:
                break
            new = torch.tensor([chosen[-1:]])
        me.predict(item.id, {"rows": pack_rows(torch.cat(rows))})


def branches(part: MeteredPart, sequences: Sequence[Tensor], cache: Any) -> Tensor:
    """Outputs [sum of T_i, d] of a part on several sequences that each continue what ``cache`` holds, in one forward.

    ``sequences``: token ids [T_i] or states [T_i, d]; empty ones have no output. Padding follows the real rows, which
    causal attention keeps from it. The cache stays as it was.
    """
    full = [sequence for sequence in sequences if len(sequence)]
    shared = cache.copy()
    shared.select(torch.zeros(len(full), dtype=torch.long))
    out = part(torch.nn.utils.rnn.pad_sequence(full, batch_first=True), shared)
    return torch.cat([states[: len(sequence)] for states, sequence in zip(out, full, strict=True)])


def _ids(me: Party, wording: Wording, item: Item) -> Tensor:
    mode = me.settings["mode"]
    limit = len(wording.before(mode)) + me.settings["max_tokens"]  # a rewritten text may have grown
    return torch.tensor([wording.prompt(item.text, mode)[:limit]])


def _tail(me: Party) -> MeteredPart | None:
    return me.part("tail") if me.settings["topology"] == "head-body-tail" else None


def _finished(states: Tensor, tail: MeteredPart | None, cache: Any) -> Tensor:
    """States [T, d] that go into the vocabulary head."""
    return tail(states[None], cache)[0] if tail else states
