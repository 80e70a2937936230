"""Answers of a split model, computed by the harness: from final states that came back to log-likelihoods.

A private party returns the states that go into the vocabulary head, one row for each token to be predicted; the public
head, the normalisation and the choice of tokens are applied here, against the *original* texts. So a party can answer
as it likes, but cannot state a likelihood: whatever it returns is a distribution over the vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from harness.lm_eval.prompts import cut_at
from harness.lm_eval.rows import unpack_rows

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.lm_eval.prompts import Form, Prompt, Wording

__all__ = ["Answer", "answers"]

CHUNK = 256
"""Rows whose scores over the vocabulary are held in memory at a time."""


@dataclass(frozen=True)
class Answer:
    """The likelihoods or the text that one prompt came to."""

    likelihoods: tuple[tuple[float, bool], ...] = ()
    """Each continuation (``choices``), or the text itself (``rolling``): log-likelihood in nats, and whether every
    token of it is the likeliest one."""
    tokens: int = 0
    """Tokens of the text that was scored (``rolling``)."""
    text: str = ""
    """What was generated."""


def answers(
    model: str, wording: Wording, form: Form, asked: Mapping[str, Prompt], predictions: Mapping[str, Any]
) -> dict[str, Answer]:
    """Answers by session id; a session whose prediction is missing or malformed has none.

    Args:
        model: name or folder of the whole model, whose vocabulary head is used.
        wording: its token ids.
        form: the form of all prompts.
        asked: session id -> the original prompt.
        predictions: session id -> ``{"rows": packed [n, d], "lengths": rows of each continuation after its first}``.
    """
    from harness.models.resolve import depth
    from harness.models.split import public_part

    part = public_part(model, depth(model), None, True, False)
    assert part.head is not None
    rows = {}
    for session in asked:
        try:
            rows[session] = _rows(predictions.get(session), part.hidden_size)
        except ValueError:
            continue
    if form.mode == "generation":
        texts = {session: _generated(part.head, wording, form, states) for session, (states, _) in rows.items()}
        return {session: Answer(text=text) for session, text in texts.items()}
    picks = {session: _picks(wording, form, asked[session], lengths) for session, (_, lengths) in rows.items()}
    return _scored(part.head, part.vocab_size, rows, picks)


def _rows(prediction: Any, width: int) -> tuple[Tensor, list[int]]:
    if not isinstance(prediction, Mapping):
        raise ValueError("no prediction")
    states, lengths = unpack_rows(prediction.get("rows"), width), prediction.get("lengths", [])
    whole = isinstance(lengths, list) and all(type(length) is int and length >= 0 for length in lengths)
    if not whole or sum(lengths) > len(states):
        raise ValueError("lengths do not fit the rows")
    return states, lengths


Pick = tuple[int, int]
"""Row of a session's states, or -1 where none was returned, and the token of the original text that it predicts."""


def _picks(wording: Wording, form: Form, prompt: Prompt, lengths: Sequence[int]) -> list[list[Pick]]:
    """Rows and tokens of each continuation (or of the whole text)."""
    if form.mode == "rolling":
        return [list(enumerate(wording.prompt(prompt.text, "rolling")[1:]))]
    picked, start = [], 1
    for number, continuation in enumerate(prompt.continuations):
        length = lengths[number] if number < len(lengths) else 0
        places = [0, *range(start, start + length)]
        ids = wording.continuation(prompt.text, continuation)
        picked.append([(places[i] if i < len(places) else -1, token) for i, token in enumerate(ids)])
        start += length
    return picked


def _scored(
    head: nn.Module,
    vocabulary: int,
    rows: Mapping[str, tuple[Tensor, list[int]]],
    picks: Mapping[str, list[list[Pick]]],
) -> dict[str, Answer]:
    """Likelihoods of all sessions; a token whose row was not returned counts as guessed uniformly."""
    import torch

    start, flat = 0, []
    for session, texts in picks.items():
        limit = len(rows[session][0])
        flat += [(start + row, token) for text in texts for row, token in text if 0 <= row < limit]
        start += limit
    scored = iter(_token_scores(head, torch.cat([states for states, _ in rows.values()]), flat) if flat else [])
    missing = (-log(vocabulary), False)
    result = {}
    for session, texts in picks.items():
        limit = len(rows[session][0])
        values = [[next(scored) if 0 <= row < limit else missing for row, _ in text] for text in texts]
        likelihoods = tuple((sum(v for v, _ in text), all(likeliest for _, likeliest in text)) for text in values)
        result[session] = Answer(likelihoods, tokens=sum(map(len, texts)))
    return result


def _token_scores(head: nn.Module, states: Tensor, picks: Sequence[Pick]) -> list[tuple[float, bool]]:
    """Log-probability of each pick's token at its row of ``states`` [n, d], and whether it is the likeliest there."""
    import torch

    place = torch.tensor([row for row, _ in picks])
    token = torch.tensor([token for _, token in picks])
    used, index = torch.unique(place, return_inverse=True)
    logp, greedy = torch.empty(len(picks)), torch.empty(len(picks), dtype=torch.bool)
    with torch.inference_mode():
        for start in range(0, len(used), CHUNK):
            scores = torch.log_softmax(head(states[used[start : start + CHUNK]]), -1)
            inside = (index >= start) & (index < start + CHUNK)
            rows, tokens = index[inside] - start, token[inside]
            logp[inside] = scores[rows, tokens]
            greedy[inside] = scores.argmax(-1)[rows] == tokens
    return list(zip(logp.tolist(), greedy.tolist(), strict=True))


def _generated(head: nn.Module, wording: Wording, form: Form, states: Tensor) -> str:
    """The text that the likeliest tokens of the rows make, cut at the end of text and before the first stop."""
    import torch

    with torch.inference_mode():
        ids = head(states[: form.new_tokens]).argmax(-1).tolist()
    ids = ids[: ids.index(wording.end)] if wording.end in ids else ids
    return cut_at(wording.tokens.decode(ids), form.until)
