"""The private party of split inference. Vepakomma et al. (2018), section 2, "vanilla" and "U-shaped".

Every forward of a generation, prompt and single steps alike, goes through the defense, and each position is
uploaded once: both sides keep key-value caches.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import torch
from torch import Tensor

from harness.scenario import Kind, Message, Party, Sent, pack_rows

__all__ = ["data_party", "encoder_party", "prompt"]


def prompt(text: list[int], settings: Mapping[str, Any]) -> list[int]:
    """Token ids that enter the model: public prefix, private text (truncated), public suffix."""
    return [*settings["prefix"], *text[: settings["max_tokens"]], *settings["suffix"]]


def data_party(me: Party) -> Generator[Sent, Message, None]:
    """Run the first blocks and, in head-body-tail, the last ones on the private texts; decide and generate greedily.

    In head-body-tail the party returns states, and no likelihood: the harness computes it.
    """
    u_shaped = me.settings["topology"] == "head-body-tail"
    head, tail = me.part("head"), me.part("tail") if u_shaped else None
    for item in me.inputs():
        ids = prompt(me.tokenizer.encode(item.text), me.settings)
        before, after = head.new_cache(), tail.new_cache() if tail else None
        new, states, logits, chosen = ids, list[Tensor](), list[Tensor](), list[int]()
        for _ in range(1 + me.settings["new_tokens"]):
            hidden = head(torch.tensor([new]), before)[0]
            reply = yield me.send(Kind.HIDDEN, hidden=hidden)
            if tail:
                states.append(tail(reply["hidden"][None], after)[0])
            logits.append(me.part("lm_head")(states[-1][None, -1:])[0, -1] if tail else reply["logits"][-1])
            chosen.append(int(logits[-1].argmax()))
            new = chosen[-1:]
        outcome = {"choices": chosen, "text": me.tokenizer.decode(chosen), **_label(me, logits[0])}
        me.predict(item.id, outcome | (_rows(me, len(ids), states) if me.settings["returned"] else {}))


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


def _label(me: Party, scores: Tensor) -> dict[str, str]:
    """The likeliest label by the scores [V] of the token after the prompt."""
    words, bias = me.settings["label_words"], me.settings["bias"]
    ranked = {label: float(scores[word]) + bias[label] for label, word in words.items()}
    return {"label": max(ranked, key=lambda label: ranked[label])} if ranked else {}


def _rows(me: Party, length: int, states: list[Tensor]) -> dict[str, object]:
    """The states that predict the tokens of the text, and those that predict what comes after the prompt."""
    prefix, suffix = len(me.settings["prefix"]), len(me.settings["suffix"])
    inside = states[0][max(prefix - 1, 0) : length - suffix - 1]
    return {"rows": pack_rows(inside), "next": pack_rows(torch.stack([one[-1] for one in states]))}
