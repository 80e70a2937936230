"""Overhead of asking the defense, in CPU milliseconds for 1,000 rows of the width of a real model.

The defense does nothing, so all that is measured is ours, in the harness and in the worker together: joining the
messages, the seed that follows from their content, both ways through the socket, the contract, and taking the answer
apart. It must stay within 2 ms; the baseline that the ratio is printed against is encoding and decoding each message.

Run: ``python -m benchmarks.view_defend``.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BUDGET = 2.0
MESSAGES, ROWS, WIDTH, TIMES = 200, 25, 576, 12


def milliseconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Least CPU time of several calls, for 1,000 rows."""
    best = float("inf")
    for _ in range(TIMES):
        started = clock()
        work()
        best = min(best, clock() - started)
    return 1e6 * best / (MESSAGES * ROWS)


def everyone() -> float:
    """CPU seconds of this process and its living descendants, as fine as the system has them."""
    import psutil

    total = time.process_time()
    for child in psutil.Process().children(recursive=True):
        # Nanoseconds on the CPU, where ticks of 10 ms would be too coarse.
        total += int(Path(f"/proc/{child.pid}/schedstat").read_text().split()[0]) / 1e9
    return total


def submission(folder: Path) -> Path:
    """A submission that does nothing, written to ``folder``."""
    folder.mkdir()
    (folder / "submission.toml").write_text(
        'name = "idle"\ntitle = "Idle"\nsummary = "does nothing"\nauthors = ["benchmarks"]\nlicence = "Apache-2.0"\n'
        'class = "defense:Idle"\nsource = "none"\nscenarios = ["split_llm"]\n\n[[points]]\nlabel = "only"\n'
    )
    (folder / "defense.py").write_text("from harness import Defense\n\n\nclass Idle(Defense):\n    pass\n")
    return folder


def main() -> None:
    """Time both, print."""
    import torch

    from harness.adversary.defend import DefenseBank
    from harness.plugins.submission import load_submission
    from harness.runtime.runner import Runner
    from harness.util.process import keep_memory
    from harness.wire.message import Kind, Message, decode, encode
    from scenarios.split_llm.scenario import SPLIT_LLM

    torch.set_num_threads(1)
    keep_memory()
    messages = [Message(Kind.HIDDEN, {"hidden": torch.randn(ROWS, WIDTH)}, i % 24) for i in range(MESSAGES)]
    plain = milliseconds(lambda: [decode(encode(message)) for message in messages], time.process_time)
    with tempfile.TemporaryDirectory() as scratch, Runner(threads=1) as runner:
        deployment = SPLIT_LLM.small(str(Path(scratch) / "model"))
        idle = load_submission(submission(Path(scratch) / "idle"))
        bank = DefenseBank(runner, deployment, idle, 0, "benchmark")
        party = next(iter(deployment.parties))
        bank.defend(messages, party)  # starts the worker
        ours = milliseconds(lambda: bank.defend(messages, party), everyone)
        bank.close()
    verdict = "kept" if ours <= BUDGET else "EXCEEDED"
    print(f"asking {ours:.2f} ms per 1,000 rows, {ours / plain:.2f} x the codec alone; budget {BUDGET:g} ms: {verdict}")


if __name__ == "__main__":
    main()
