"""The private party of split inference. Vepakomma et al. (2018), section 2, "vanilla" and "U-shaped".

Every forward of a generation, prompt and single steps alike, goes through the defense, and each position is
uploaded once: both sides keep key-value caches.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import torch
from torch import Tensor

from harness.scenario import Kind, Message, Party, Sent

__all__ = ["data_party", "encoder_party", "prompt"]


def prompt(text: list[int], settings: Mapping[str, Any]) -> list[int]:
    """Token ids that enter the model: public prefix, private text (truncated), public suffix."""
    return [*settings["prefix"], *text[: settings["max_tokens"]], *settings["suffix"]]


def data_party(me: Party) -> Generator[Sent, Message, None]:
    """Run the first blocks and, in head-body-tail, the last ones on the private texts; decide and generate greedily."""
    head, tail = me.part("head"), me.part("tail") if me.settings["topology"] == "head-body-tail" else None
    for item in me.inputs():
        ids = prompt(me.tokenizer.encode(item.text), me.settings)
        before, after = head.new_cache(), tail.new_cache() if tail else None
        new, outputs, chosen = ids, [], []
        for _ in range(1 + me.settings["new_tokens"]):
            hidden = head(torch.tensor([new]), before)[0]
            reply = yield me.send(Kind.HIDDEN, hidden=hidden)
            logits = tail(reply["hidden"][None], after)[0] if tail else reply["logits"]
            outputs.append(logits)
            chosen.append(int(logits[-1].argmax()))
            new = chosen[-1:]
        me.predict(item.id, _outcome(me, ids, outputs[0], chosen))


def encoder_party(me: Party) -> Generator[Sent, Message, None]:
    """Send an encoder's states after the cut, per token or pooled to one normalised vector; get class scores."""
    head = me.part("head")
    for item in me.inputs():
        states = head(torch.tensor([prompt(me.tokenizer.encode(item.text), me.settings)]))[0]
        if me.settings["pooled"]:
            pooled = torch.nn.functional.normalize(states.mean(0), dim=0)
            reply = yield me.send(Kind.REPRESENTATION, representation=pooled)
        else:
            reply = yield me.send(Kind.HIDDEN, hidden=states)
        me.predict(item.id, {"label": me.settings["labels"][int(reply["scores"].argmax())]})


def _outcome(me: Party, ids: list[int], first: Tensor, chosen: list[int]) -> dict[str, object]:
    """The facts that utility is scored on: label, next-token choices, log-likelihood of the own text."""
    outcome: dict[str, object] = {"choices": chosen, "text": me.tokenizer.decode(chosen)}
    words = me.settings["label_words"]
    if words:
        scores = {label: float(first[-1, word]) + me.settings["bias"][label] for label, word in words.items()}
        outcome["label"] = max(scores, key=lambda label: scores[label])
    private = range(len(me.settings["prefix"]), len(ids) - len(me.settings["suffix"]))
    scored = [position for position in private if position > 0] if len(first) == len(ids) else []
    if scored:
        logp = torch.log_softmax(first[[p - 1 for p in scored]], -1)
        picked = logp[range(len(scored)), [ids[p] for p in scored]]
        outcome["nll"] = -float(picked.mean())
        outcome["choices"] = [*first[[p - 1 for p in scored]].argmax(-1).tolist(), *chosen]
    return outcome
