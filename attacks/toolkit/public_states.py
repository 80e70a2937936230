"""Mean states of the attacker's own auxiliary texts under the public weights up to the cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from attacks.toolkit.readers.hidden_states import whole_states
from harness.attack import SERVER, FinetuneFacts, Floats, Kind, load_tokens, public_part, tokenizer_folder

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["auxiliary_states", "untrained_answers"]


def auxiliary_states(view: View, texts: int) -> tuple[Floats, list[int]]:
    """Means ``[n, d]`` of the first ``texts`` labelled auxiliary records' states at the cut, and their classes."""
    facts = view.public.need(FinetuneFacts)
    own = [record for record in view.public.auxiliary if record.label in facts.labels][:texts]
    tokens = load_tokens(tokenizer_folder(facts.model))
    ids = tuple(tuple(tokens.encode(record.text)[: facts.max_tokens]) for record in own)
    part = public_part(facts.model, 0, facts.cut, head=False)
    with torch.no_grad():
        states = whole_states(part, ids, facts.prefix, facts.suffix)
    means = np.stack([one.double().mean(0).numpy() for one in states])
    return means, [int(record.label == facts.labels[1]) for record in own]


def untrained_answers(view: View) -> dict[str, Floats]:
    """Record -> what the public blocks of the curious party make of its states when it first came, mean ``[d]``: its
    own features without any training."""
    facts, answers = view.public.need(FinetuneFacts), dict[str, Floats]()
    stop = facts.tail if facts.topology == "head-body-tail" else None
    body = public_part(facts.model, facts.cut, stop, head=False, embed=False)
    for seen in view.transcript:
        message = seen.message
        if seen.receiver != SERVER or message.kind is not Kind.HIDDEN or message.round >= len(facts.batches):
            continue
        texts = torch.split(message["hidden"].float(), message["lengths"])
        for record, states in zip(facts.batches[message.round], texts, strict=True):
            if record not in answers:
                with torch.no_grad():
                    answers[record] = np.asarray(body(states[None])[0].double().mean(0).numpy())
    return answers
