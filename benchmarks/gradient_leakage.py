"""Times of gradient leakage: exact attacks on whole batches, as multiples of the client's own step and of a floor.

The floor of the span attack is the singular value decomposition of the stacked query, key and value gradients and one
product of the vocabulary with their row space. DAGER took 13 s of CPU time at batch 8 and 177 s at batch 32 on the same
model and machine type (measured once, see the numbers below); budgets are 15 and 75 times less.

Run: ``python -m benchmarks.gradient_leakage [BATCH ...]`` (8, 16 and 32; add ``encoder`` for MiniLM at 4 and 8).
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from attacks.gradient_leakage.gradient_peeling import Peeling
from attacks.gradient_leakage.gradient_span import Search, spans_of
from attacks.toolkit.gradient_space.architecture import ATTENTION, input_rows
from attacks.toolkit.gradient_space.context import input_vectors
from attacks.toolkit.gradient_space.subspace import row_space
from attacks.toolkit.readers.gradients import SharedGradient
from harness.attack import GradientFacts, PopulationFacts
from harness.models.learner import Learner
from harness.models.split import public_part
from harness.models.tokens import load_tokens, tokenizer_folder
from harness.scenario.deployment import Deployment
from scenarios.gradient_sharing.model import inputs, make_learner
from scenarios.gradient_sharing.scenario import GRADIENT_SHARING

DAGER = {8: 13.0, 32: 177.0}
"""CPU seconds of DAGER for the same model and batch."""
BUDGETS = {8: 15.0, 32: 75.0}
"""Times by which less is wanted."""
PARTY = "client1"


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU time of this process, and the result."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def deployment(model: str, batch: int, **changes: object) -> Deployment:
    """A client with one batch of messages."""
    settings = {
        "model": model,
        "data": "sms_spam",
        "batch_size": batch,
        "least": batch,
        "clients": 3,
        "records": 3 * batch + 12,
        "auxiliary": 3 * batch + 60,
        "public": 4,
        "test": 3,
        "alpha": 5.0,
    }
    return GRADIENT_SHARING.deployment("benchmark", settings | changes, ("benchmark", 0))


def gradient(made: Deployment, batch: int) -> tuple[Learner, SharedGradient, list[tuple[int, ...]], float]:
    """A learner, the gradient of one batch, its texts, and the seconds of the client's step."""
    plan = made.parties[PARTY]
    facts = made.public.need(GradientFacts)
    tokens = load_tokens(tokenizer_folder(facts.model))
    learner = make_learner(public_part(facts.model, 0, facts.blocks, False), plan.settings)
    records = plan.records[:batch]
    ids, mask = inputs([record.text for record in records], tokens, plan.settings)
    labels = torch.tensor([plan.settings["labels"].index(str(record.label)) for record in records])
    step, _ = seconds(lambda: learner.loss((ids, mask, labels)).backward())
    values = {name: one.grad for name, one in learner.named_trained().items() if one.grad is not None}
    texts = [tuple(tokens.encode(record.text)[: facts.max_tokens]) for record in records]
    return learner, SharedGradient(PARTY, 0, values, {}), texts, step


def span(batch: int) -> None:
    """One line about the span attack."""
    frozen = {"embeddings": "frozen", "trained": ("attention", "head"), "layers": (0,), "max_tokens": 16}
    made = deployment("smollm2-135m-instruct", batch, **frozen)
    learner, shared, texts, step = gradient(made, batch)
    facts = made.public.need(GradientFacts)
    search = Search(learner.part, facts, 2e-3, 2e-3, 512)
    took, found = seconds(lambda: search.texts(*spans_of(shared.values, learner)))
    floor, _ = seconds(lambda: _floor(learner, shared))
    exact = len(set(map(tuple, found)) & set(texts))
    line = f"span, batch {batch}: {exact}/{len(set(texts))} exact, {len(found) - exact} false, {took:.2f} s CPU, "
    line += f"{took / floor:.1f} x the floor, {took / step:.1f} client steps, peak {_peak():.1f} GB"
    if batch in DAGER:
        line += f"; {DAGER[batch] / took:.0f} x less than DAGER (wanted {BUDGETS[batch]:.0f} x)"
    print(line)


def _floor(learner: Learner, shared: SharedGradient) -> None:
    rows = input_rows(shared.values, 0, ATTENTION[learner.part.family])
    assert rows is not None
    space = row_space(rows)
    for ids in torch.arange(learner.part.vocab_size).split(8192):
        space.screened(input_vectors(learner.part, ids))


def peeling(batch: int) -> None:
    """One line about peeling."""
    made = deployment("all-minilm-l6-v2", batch, max_tokens=12)
    assert made.public.need(PopulationFacts).labels
    learner, shared, texts, step = gradient(made, batch)
    work = Peeling(learner, made.public.need(GradientFacts), shared, 1e-2)
    took, _ = seconds(lambda: work.run(12))
    exact = len(set(map(tuple, work.texts)) & set(texts))
    print(
        f"peeling, batch {batch}: {exact}/{len(set(texts))} exact, {len(work.texts) - exact} false, {took:.2f} s CPU, "
        f"{took / step:.1f} client steps, residual {work.residual:.0e}, peak {_peak():.1f} GB"
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(words: list[str]) -> None:
    """Print a line for each batch size."""
    torch.set_num_threads(1)
    for batch in [int(word) for word in words if word.isdigit()] or [8, 16, 32]:
        span(batch)
    if "encoder" in words:
        for batch in (4, 8):
            peeling(batch)


if __name__ == "__main__":
    main(sys.argv[1:])
