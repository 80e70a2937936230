"""Mean states of the attacker's own auxiliary texts under the public weights up to the cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from attacks.toolkit.readers.hidden_states import whole_states
from harness.attack import FinetuneFacts, Floats, load_tokens, public_part, tokenizer_folder

if TYPE_CHECKING:
    from harness.attack import View

__all__ = ["auxiliary_states"]


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
