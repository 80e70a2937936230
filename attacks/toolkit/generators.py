"""A party's tuned generator, rebuilt from the adapters that it sent, and how much tuning favoured a text.

A layer with low-rank adapters is the public one with ``scale * B A`` added to its weight (Hu et al. 2022, section
4.1), so that nothing of the party's own code is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from attacks.toolkit.public_model import PublicModel
from harness.attack import Floats, GeneratorFacts, Kind, SuiteError, Tokens

if TYPE_CHECKING:
    from harness.attack import Part, SeenMessage, View

__all__ = ["Asked", "adapters_of", "gains", "merged", "public_losses", "text_losses"]

DOWN, UP = ".lora_A.weight", ".lora_B.weight"
LOGITS = 2**24
"""Logits computed at a time."""
ROWS = 128

Asked = tuple[str, str]
"""A prompt, and the text after it."""


def adapters_of(transcript: Sequence[SeenMessage], parties: Sequence[str]) -> Mapping[str, Mapping[str, Tensor]]:
    """The last adapters that each of ``parties`` sent.

    Raises:
        SuiteError: there are none.
    """
    adapters = {
        one.sender: one.message.tensors()
        for one in transcript
        if one.message.kind is Kind.PARAMETERS and one.sender in parties
    }
    if not any(name.endswith(DOWN) for sent in adapters.values() for name in sent):
        raise SuiteError("no party sends adapters of its generator here: attack an entry of hosted_fusegen")
    return adapters


def merged(part: Part, adapters: Mapping[str, Tensor], scale: float) -> dict[str, Tensor]:
    """Weights of ``part`` that the adapters change, by name, with them added.

    Raises:
        SuiteError: an adapter of a layer that the part does not have, or of other sizes.
    """
    weights, changed = dict(part.named_parameters()), {}
    for name, down in adapters.items():
        if name.endswith(DOWN):
            layer, up = name.removesuffix(DOWN), adapters[name.removesuffix(DOWN) + UP]
            base = weights.get(f"{layer}.weight")
            if base is None or base.shape != (up.shape[0], down.shape[1]):
                raise SuiteError(f"adapter {layer} {[*up.shape]} x {[*down.shape]} fits no layer of the public model")
            changed[f"{layer}.weight"] = base.detach() + scale * (up @ down).to(base)
    return changed


def gains(
    view: View, transcript: Sequence[SeenMessage], asked: Mapping[str, Sequence[Asked]], base: Mapping[str, Floats]
) -> dict[str, Floats]:
    """Party -> ``[n]``: how many nats tuning took off the loss of each of its ``asked``; ``base`` without tuning."""
    part, tokens, limit = _model(view)
    sent, scale = adapters_of(transcript, list(asked)), view.public.need(GeneratorFacts).adapter_scale
    return {
        party: base[party] - text_losses(part, tokens, rows, limit, merged(part, sent[party], scale))
        for party, rows in asked.items()
        if party in sent
    }


def public_losses(view: View, asked: Mapping[str, Sequence[Asked]]) -> dict[str, Floats]:
    """Party -> losses ``[n]`` of its ``asked`` by the public generator."""
    part, tokens, limit = _model(view)
    return {party: text_losses(part, tokens, rows, limit, {}) for party, rows in asked.items()}


@torch.inference_mode()
def text_losses(
    part: Part, tokens: Tokens, asked: Sequence[Asked], limit: int, changed: Mapping[str, Tensor]
) -> Floats:
    """Negative log-likelihood ``[n]`` in nats of each text, cut to ``limit`` tokens, and of the end of its line, after
    its prompt, by ``part`` with the weights ``changed``.
    """
    rows = [_row(tokens, prompt, text, limit) for prompt, text in asked]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    losses = np.zeros(len(rows))
    start = 0
    while start < len(order):
        width = len(rows[order[min(start + ROWS, len(order)) - 1]][0])
        size = max(1, min(ROWS, LOGITS // (width * part.vocab_size)))
        some = order[start : start + size]
        losses[some] = _batch(part, [rows[i] for i in some], changed)
        start += size
    return losses


def _batch(part: Part, rows: Sequence[tuple[list[int], int]], changed: Mapping[str, Tensor]) -> Floats:
    """Rows are padded on the right, where a causal model does not see it."""
    width = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in rows])
    logits = torch.func.functional_call(part, dict(changed), (ids,))
    logs = -torch.log_softmax(logits[:, :-1].float(), -1).gather(-1, ids[:, 1:, None])[..., 0].double()
    place = torch.arange(1, width)
    starts, ends = torch.tensor([first for _, first in rows]), torch.tensor([len(ids) for ids, _ in rows])
    learned = (place >= starts[:, None]) & (place < ends[:, None])
    losses: Floats = (logs * learned).sum(1).numpy()
    return losses


def _row(tokens: Tokens, prompt: str, text: str, limit: int) -> tuple[list[int], int]:
    """Token ids, and where the text starts."""
    start = [*tokens.prefix, *tokens.encode(prompt)]
    return [*start, *tokens.encode(" " + text)[:limit], *tokens.encode("\n")], len(start)


def _model(view: View) -> tuple[Part, Tokens, int]:
    """The whole public generator, its tokenizer, and the most tokens of a text."""
    model = PublicModel(view.public)
    return model.part(0, None, head=True), model.tokens, model.facts.max_tokens
