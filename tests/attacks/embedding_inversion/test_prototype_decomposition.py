from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.embedding_inversion.prototype_decoder.bag_decoder import fit_bag_decoder
from attacks.embedding_inversion.prototype_decomposition import keywords, lasso_weights, nnls_weights, top_candidates

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


@pytest.mark.parametrize("method", ["nnls", "lasso"])
@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_a_mean_is_taken_apart_over_a_dictionary_that_holds_its_records(method: str, noise: float) -> None:
    rng = np.random.default_rng(0)
    dictionary, _ = corpus(rng)
    hits = []
    for _ in range(10):
        inside = rng.choice(400, 5, replace=False)
        p = dictionary[inside].mean(0) + noise * rng.normal(size=64)
        weights = nnls_weights(p, dictionary) if method == "nnls" else lasso_weights(p, dictionary, 5)
        assert (weights >= 0).all()
        hits.append(len(set(top_candidates(weights, 5)) & set(inside.tolist())) / 5)
    assert np.mean(hits) > 0.9


def test_nonnegative_least_squares_is_at_its_optimum() -> None:
    rng = np.random.default_rng(0)
    dictionary, p = rng.normal(size=(30, 12)), rng.normal(size=12)
    weights = nnls_weights(p, dictionary)
    gradient = dictionary @ (weights @ dictionary - p)
    assert (gradient > -1e-9).all() and np.abs(gradient[weights > 0]).max() < 1e-9


def planted(seed: int = 0, noise: float = 0.0, n: int = 8) -> Any:
    """A prototype of 8 texts that all hold three words, and the attacker's own texts, of which few do."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(60, 64))
    embeddings, texts = corpus(rng, 600, vectors=vectors)
    private, _ = corpus(rng, n, always=(7, 8, 9), vectors=vectors)
    return private.mean(0) + noise * rng.normal(size=64), embeddings, texts, rng


def precision(words: Any) -> Any:
    return len({"w7", "w8", "w9"} & set(words)) / 3


def test_planted_keywords_are_found_by_decomposition_and_by_the_decoder() -> None:
    precisions = []
    for seed in range(5):
        p, embeddings, texts, rng = planted(seed)
        decoder = fit_bag_decoder(embeddings, texts, 8, rng, draws=600)
        by_weights = keywords(nnls_weights(p, embeddings), texts, 3)
        precisions.append((precision(decoder.keywords(p, 3)), precision(by_weights)))
    decoded, decomposed = np.mean(precisions, axis=0)
    assert decoded > 0.9 and decomposed > 0.9  # chance: 3 / 60 each


def test_noise_alone_has_no_keywords_and_noise_awareness_helps() -> None:
    chance = [
        precision(fit_bag_decoder(e, t, 8, rng, draws=300).keywords(rng.normal(size=64) * 0.05, 3))
        for _, e, t, rng in (planted(seed) for seed in range(6))
    ]
    assert np.mean(chance) < 0.25
    aware, blind = [], []
    for seed in range(6):
        p, e, t, rng = planted(seed, noise=0.06)
        aware.append(precision(fit_bag_decoder(e, t, 8, rng, draws=600, noise=0.06**2).keywords(p, 6)))
        blind.append(precision(fit_bag_decoder(e, t, 8, rng, draws=600, penalty=1e-6).keywords(p, 6)))
    assert np.mean(aware) >= np.mean(blind)
