"""Speed of vocabulary matching on the embedded model, against the arithmetic it cannot avoid.

Prints seconds per recovered token and their ratio to the floor: the alternatives that were tried, times the FLOPs of
the blocks for one of them, at the rate of this machine's matrix product.

Run: ``python -m benchmarks.vocabulary_matching``.
"""

from __future__ import annotations

import argparse
import time

import torch

from attacks.embedding_inversion.vocabulary_matching import VocabularyMatching, text_jobs
from attacks.embedding_inversion.vocabulary_matching.exact import invert_exactly
from harness.models import Part
from tests.stand_ins.split_view import token_accuracy
from tests.stand_ins.split_worlds import real_view, sms

MODEL = "smollm2-135m-instruct"


def matmul_rate(rows: int, part: Part, repeats: int = 30) -> float:
    """FLOPs per second of ``[rows, d] x [d, 3 d]``, the best of three."""
    x, y = torch.randn(rows, part.hidden_size), torch.randn(part.hidden_size, 3 * part.hidden_size)
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(repeats):
            x @ y
        best = max(best, 2 * repeats * x.numel() * y.shape[1] / (time.perf_counter() - start))
    return best


def main() -> None:
    """Parse the command line, run once, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cut", type=int, default=8)
    options.add_argument("--texts", type=int, default=32)
    options.add_argument("--tokens", type=int, default=24)
    options.add_argument("--threads", type=int, default=2)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    view = real_view(MODEL, chosen.cut, sms(), private=chosen.texts, auxiliary=600, max_tokens=chosen.tokens)
    attack = VocabularyMatching()
    start = time.perf_counter()
    problem = attack.problem(view)
    prepared = time.perf_counter() - start
    rate = matmul_rate(attack.effort.first * min(32, chosen.texts), problem.part)
    start, cpu = time.perf_counter(), time.process_time()
    found = invert_exactly(problem, text_jobs(view), view.facts.prefix, attack.effort)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    guess = {one.record: text.ids for one, text in zip(view.observations(), found, strict=True)}
    recovered = token_accuracy(view, guess) * sum(map(len, view.answers().values()))
    tried = sum(one.tried for one in found)
    floor = tried * problem.part.flops(1, chosen.tokens // 2) / rate
    print(f"preparation (states, discriminant, channel): {prepared:.1f} s")
    print(f"recovered {token_accuracy(view, guess):.4f} of the tokens, {tried / recovered:.1f} alternatives a token")
    print(f"{wall / recovered:.4f} s a token ({cpu / recovered:.4f} CPU seconds)")
    print(f"ratio to the floor at {rate / 1e9:.0f} GFLOP/s: {wall / floor:.2f}")


if __name__ == "__main__":
    main()
