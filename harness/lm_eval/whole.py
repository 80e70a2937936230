"""The whole public model asked directly, without protocol or defense: for references and comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.lm_eval.answers import answers
from harness.lm_eval.prompts import Form, Prompt
from harness.lm_eval.rows import pack_rows

if TYPE_CHECKING:
    from harness.lm_eval.prompts import Wording

__all__ = ["answers_alone", "whole_predictions"]

BATCH = 32
"""Continuations that are run side by side."""


def answers_alone(model: str, wording: Wording, continuations: Sequence[str]) -> dict[str, tuple[float, bool]]:
    """Log-likelihood of each continuation without its question, and whether each token is the likeliest; remembered."""
    from harness.assets.memo import memo
    from harness.models.resolve import model_hash

    texts = sorted(set(continuations))

    def measure() -> list[list[Any]]:
        asked = {text: Prompt("", (text,)) for text in texts}
        got = answers(model, wording, Form("choices"), asked, _alone(model, wording, texts))
        return [list(got[text].likelihoods[0]) for text in texts]

    measured = memo("lm-eval-alone", [model_hash(model), wording.settings(), texts], measure) if texts else []
    return {text: (float(value), bool(greedy)) for text, (value, greedy) in zip(texts, measured, strict=True)}


def _alone(model: str, wording: Wording, texts: Sequence[str]) -> dict[str, Any]:
    """Predictions for continuations of nothing, in batches of like lengths; padding follows the real tokens."""
    import torch

    from harness.models.split import public_part

    part = public_part(model, 0, None, False)
    ids = {text: torch.tensor([wording.start, *wording.continuation("", text)[:-1]]) for text in texts}
    order = sorted(texts, key=lambda text: len(ids[text]))
    predictions = {}
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            out = part(torch.nn.utils.rnn.pad_sequence([ids[text] for text in batch], batch_first=True))
            for text, states in zip(batch, out, strict=True):
                length = len(ids[text])
                predictions[text] = {"rows": pack_rows(states[:length]), "lengths": [length - 1]}
    return predictions


def whole_predictions(model: str, wording: Wording, form: Form, asked: Mapping[str, Prompt]) -> dict[str, Any]:
    """Predictions as a private party returns them, of the whole model: each text is run by itself, nothing is shared.

    For ``choices`` and ``rolling``.
    """
    import torch

    from harness.models.split import public_part

    part = public_part(model, 0, None, False)
    predictions = {}
    with torch.inference_mode():
        for session, prompt in asked.items():
            ids = wording.prompt(prompt.text, form.mode)
            rest = [wording.continuation(prompt.text, text)[:-1] for text in prompt.continuations]
            rows = [part(torch.tensor([ids]))[0]]
            rows = [rows[0][-1:]] if form.mode == "choices" else rows
            rows += [part(torch.tensor([ids + more]))[0, len(ids) :] for more in rest if more]
            lengths = [len(more) for more in rest]
            predictions[session] = {"rows": pack_rows(torch.cat(rows)), "lengths": lengths}
    return predictions
