"""What sharing embeddings by content hash saves: texts that live and shadow runs ask for, and those really encoded.

Encodes a sample with an empty cache to know the price of a text, then prints the seconds that the encoder would take
with and without sharing.

Run: ``python -m benchmarks.shadow_embeddings --suite prototype-quick --shadows 16``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from harness.models.embeddings import EmbeddingCache
from harness.plugins import load_suite, registry
from harness.scenario import Deployment
from harness.scenario.plugin import Scenario
from harness.util import numpy_generator

SAMPLE = 128


def texts(deployment: Deployment) -> list[str]:
    """Every text that the private parties of one run embed."""
    plans = deployment.parties.values()
    return [text for plan in plans for text in (*(i.text for i in (*plan.items, *plan.records)), *plan.public_texts)]


def main() -> None:
    """Parse the command line, run once, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--suite", default="prototype-quick")
    options.add_argument("--shadows", type=int, default=16)
    options.add_argument("--threads", type=int, default=2)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    suite = load_suite(chosen.suite)
    entry = suite.entries[0]
    scenario = registry.load("scenario", entry.scenario)
    assert isinstance(scenario, Scenario)
    live = scenario.deployment(entry.name, entry.settings, (suite.name, entry.scenario, 0))
    assert live.redraw is not None
    asked = texts(live)
    for index in range(chosen.shadows):
        rng = numpy_generator("benchmark", index)
        members = {one.id: bool(rng.random() < 0.5) for one in live.candidates}
        asked += texts(live.redraw(rng, members))
    distinct = list(dict.fromkeys(asked))
    with tempfile.TemporaryDirectory() as folder:
        encoder = live.encoder or next(iter(live.parties.values())).encoder
        start = time.perf_counter()
        assert encoder is not None
        EmbeddingCache(encoder, Path(folder)).rows(distinct[:SAMPLE])
        each = (time.perf_counter() - start) / len(distinct[:SAMPLE])
    saved = 1 - len(distinct) / len(asked)
    print(f"{entry.name}, {chosen.shadows} shadows: {len(asked)} vectors of {len(distinct)} texts ({saved:.1%} saved)")
    print(f"{1e3 * each:.1f} ms a text: {each * len(asked):.1f} s unshared, {each * len(distinct):.1f} s shared")


if __name__ == "__main__":
    main()
