from __future__ import annotations

from typing import Any

import numpy as np

from attacks.embedding_inversion.prototype_vectors import nearest_candidates

WORDS = [f"w{i}" for i in range(60)]


def corpus(
    rng: np.random.Generator, size: int = 400, d: int = 64, noise: float = 0.05, always: Any = (), vectors: Any = None
) -> Any:
    """Texts of 6 random words, those of ``always`` among them; an embedding is the scaled sum of its words' vectors."""
    vectors = rng.normal(size=(60, d)) if vectors is None else vectors
    picks = [[*always, *rng.choice(60, 6 - len(always), replace=False)] for _ in range(size)]
    embeddings = np.stack([vectors[p].sum(0) + noise * rng.normal(size=d) for p in picks])
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings, [" ".join(WORDS[i] for i in p) for p in picks]


def test_the_nearest_candidate_of_an_embedding_is_its_own() -> None:
    rng = np.random.default_rng(0)
    dictionary, _ = corpus(rng)
    assert nearest_candidates(dictionary[:20], 3 * dictionary) == list(range(20))
