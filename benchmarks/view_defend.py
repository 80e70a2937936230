"""Overhead of asking the defense, in CPU milliseconds for 1,000 rows of the width of a real model.

The defense does nothing, so all that is measured is ours: joining the messages, the contract, and taking the answer
apart. It must stay within 2 ms; the baseline that the ratio is printed against is encoding and decoding each message.

Run: ``python -m benchmarks.view_defend``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

BUDGET = 2.0
MESSAGES, ROWS, WIDTH, TIMES = 200, 25, 576, 12


def milliseconds(work: Callable[[], object]) -> float:
    """Least CPU time of several calls, for 1,000 rows."""
    best = float("inf")
    for _ in range(TIMES):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return 1e6 * best / (MESSAGES * ROWS)


def main() -> None:
    """Time both, print."""
    import torch

    from harness.defense import Defense
    from harness.dp.mechanisms import Mechanisms
    from harness.runtime.defend_requests import Requests, join, split
    from harness.wire.message import Kind, Message, decode, encode

    torch.set_num_threads(1)
    defense = Defense()
    defense.me = Mechanisms("party", torch.Generator())
    requests = Requests(defense)
    messages = [Message(Kind.HIDDEN, {"hidden": torch.randn(ROWS, WIDTH)}, i % 24) for i in range(MESSAGES)]

    def ask() -> object:
        head, blob = join(messages)
        return split(*requests.defend({**head, "seed": 1, "repeats": 1, "history": []}, blob))

    plain = milliseconds(lambda: [decode(encode(message)) for message in messages])
    ours = milliseconds(ask)
    verdict = "kept" if ours <= BUDGET else "EXCEEDED"
    print(f"asking {ours:.2f} ms per 1,000 rows, {ours / plain:.2f} x the codec alone; budget {BUDGET:g} ms: {verdict}")


if __name__ == "__main__":
    main()
