"""Federated distillation over drawn embeddings: parties with overfitted heads answer public texts, or candidates.

Parties' records are split as :mod:`tests.stand_ins.rounds_view` splits them; every party trains a softmax regression on
the drawn embeddings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from harness.attack import PublicTextFacts, SeenMessage
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message, Value
from tests.stand_ins.overfitted_heads import fit
from tests.stand_ins.rounds_view import Cloud, RoundsView, view_of

__all__ = ["asked_view", "hardened", "passive_view"]

Send = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Defense of logits ``[n, classes]``."""


def hardened(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Nothing but the label."""
    return np.where(logits == logits.max(1, keepdims=True), 0.0, -1e4)


def asked_view(**options: Any) -> RoundsView:
    """A server that put every candidate, and copies of it, among the queries."""
    return _view(chosen=True, **options)


def passive_view(**options: Any) -> RoundsView:
    """A server that sent the public texts alone."""
    return _view(chosen=False, **options)


def _view(
    *,
    chosen: bool,
    seed: int = 0,
    parties: int = 3,
    candidates: int = 12,
    shadows: int = 8,
    public: int = 60,
    rounds: int = 1,
    copies: int = 0,
    send: Send | None = None,
    steps: int = 60,
    spread: float = 12.0,
    sizes: tuple[int, ...] = (2, 6, 12),
    consensus: bool = False,
    size: int = 48,
    **options: Any,
) -> RoundsView:
    cloud = Cloud(seed=seed, spread=spread, size=size)
    open_texts = [cloud.draw(name) for name in cloud.classes for _ in range(public // len(cloud.classes))]
    start = len(cloud.vectors)
    count = parties * len(cloud.classes) * candidates
    known: dict[str, list[str]] = {}

    def queries() -> list[str]:
        """Public texts, then every candidate with its copies: candidates are the first texts drawn."""
        if not known:
            asked = list(cloud.vectors)[start : start + count]
            known["texts"] = [*open_texts, *(t for text in asked for t in _copies(cloud, text, copies))]
        return known["texts"] if chosen else open_texts

    def protocol(held: Any, rng: np.random.Generator) -> list[SeenMessage]:
        inputs = cloud.embed(queries()) / cloud.spread
        seen, sent_logits = [], []
        heads = {party: _head(cloud, classes, steps) for party, classes in held.items()}
        for round_ in range(rounds):
            for party, head in heads.items():
                logits = head(inputs)
                sent = logits if send is None else send(logits, rng)
                logits_sent = torch.from_numpy(sent).float()
                payload: dict[str, Value] = {"logits": logits_sent, "index": list(range(len(sent)))}
                sent_logits.append(logits_sent)
                seen.append(SeenMessage(party, SERVER, Message(Kind.LOGITS, payload, round=round_)))
            if consensus:
                mean = {"logits": torch.stack(sent_logits[-len(heads) :]).mean(0)}
                seen += [SeenMessage(SERVER, party, Message(Kind.LOGITS, mean, round=round_)) for party in heads]
        return seen

    texts = PublicTextFacts(options.pop("public_texts", tuple(open_texts)))
    view = view_of(
        cloud,
        protocol,
        parties=parties,
        candidates=candidates,
        sizes=sizes,
        shadows=shadows,
        seed=seed,
        facts=(texts,),
        **options,
    )
    if not chosen:
        return view
    ids = [""] * len(open_texts) + [c.id for c in view.candidates for _ in range(1 + copies)]
    return replace(view, own={"queries": queries(), "query_ids": ids})


def disturbed(text: str, rng: np.random.Generator, rate: float = 0.2) -> str:
    """A copy of ``text`` in which each word is, with probability ``rate``, dropped or swapped with its neighbour.

    At least one word is kept, and at least one is touched where there are two.
    """
    words = text.split()
    if len(words) < 2:
        return " ".join(words)
    touched = rng.random(len(words)) < rate
    touched[rng.integers(len(words))] = True
    copied: list[str] = []
    for word, touch in zip(words, touched, strict=True):
        if touch and copied and rng.random() < 0.5:
            copied.insert(len(copied) - 1, word)
        elif not touch:
            copied.append(word)
    return " ".join(copied or words[:1])


def disturbed_copies(
    text: str, count: int, rng: np.random.Generator, rates: tuple[float, float] = (0.1, 0.5)
) -> list[str]:
    """``count`` copies of ``text``, disturbed ever more, from the first rate to the second."""
    return [disturbed(text, rng, float(rate)) for rate in np.linspace(*rates, count)]


def _copies(cloud: Cloud, text: str, count: int) -> list[str]:
    """The text and disturbed copies of it, which lie ever farther from it."""
    rng = np.random.default_rng(len(cloud.vectors))
    names = [f"{copy} #{i} of {text}" for i, copy in enumerate(disturbed_copies(text, count, rng) if count else [])]
    for number, name in enumerate(names):
        step = rng.normal(size=cloud.size) * cloud.scale
        cloud.vectors[name] = cloud.vectors[text] + (0.2 + 0.8 * number / count) * step
    return [text, *names]


def _head(cloud: Cloud, classes: dict[str, list[str]], steps: int) -> Callable[[np.ndarray], np.ndarray]:
    texts = [text for some in classes.values() for text in some]
    if not texts:
        return lambda inputs: np.zeros((len(inputs), len(cloud.classes)))
    labels = [number for number, some in enumerate(classes.values()) for _ in some]
    return fit(cloud.embed(texts) / cloud.spread, np.array(labels), len(cloud.classes), steps, rate=1.0)
