from __future__ import annotations

import numpy as np
import pytest

from attacks.prototype.attribute import fit_mean_probe, simulated_means
from attacks.prototype.decoder import fit_bag_decoder, n_means
from attacks.prototype.decomposition import keywords, lasso_weights, nnls_weights, top_candidates
from attacks.prototype.inversion import nearest_candidates
from harness.errors import DataError
from harness.metrics.membership import auc

WORDS = [f"w{i}" for i in range(60)]


def corpus(rng, size=400, d=64, noise=0.05, always=(), vectors=None):
    """Texts of 6 random words, those of ``always`` among them; an embedding is the scaled sum of its words' vectors."""
    vectors = rng.normal(size=(60, d)) if vectors is None else vectors
    picks = [[*always, *rng.choice(60, 6 - len(always), replace=False)] for _ in range(size)]
    embeddings = np.stack([vectors[p].sum(0) + noise * rng.normal(size=d) for p in picks])
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings, [" ".join(WORDS[i] for i in p) for p in picks]


@pytest.mark.parametrize("method", ["nnls", "lasso"])
@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_a_mean_is_taken_apart_over_a_dictionary_that_holds_its_records(method, noise):
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


def test_nonnegative_least_squares_is_at_its_optimum():
    rng = np.random.default_rng(0)
    dictionary, p = rng.normal(size=(30, 12)), rng.normal(size=12)
    weights = nnls_weights(p, dictionary)
    gradient = dictionary @ (weights @ dictionary - p)
    assert (gradient > -1e-9).all() and np.abs(gradient[weights > 0]).max() < 1e-9


def planted(seed=0, noise=0.0, n=8):
    """A prototype of 8 texts that all hold three words, and the attacker's own texts, of which few do."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(60, 64))
    embeddings, texts = corpus(rng, 600, vectors=vectors)
    private, _ = corpus(rng, n, always=(7, 8, 9), vectors=vectors)
    return private.mean(0) + noise * rng.normal(size=64), embeddings, texts, rng


def precision(found):
    return len({"w7", "w8", "w9"} & set(found)) / 3


def test_planted_keywords_are_found_by_decomposition_and_by_the_decoder():
    found = []
    for seed in range(5):
        p, embeddings, texts, rng = planted(seed)
        decoder = fit_bag_decoder(embeddings, texts, 8, rng, draws=600)
        by_weights = keywords(nnls_weights(p, embeddings), texts, 3)
        found.append((precision(decoder.keywords(p, 3)), precision(by_weights)))
    decoded, decomposed = np.mean(found, axis=0)
    assert decoded > 0.9 and decomposed > 0.9  # chance: 3 / 60 each


def test_noise_alone_has_no_keywords_and_noise_awareness_helps():
    chance = [precision(fit_bag_decoder(e, t, 8, rng, draws=300).keywords(rng.normal(size=64) * 0.05, 3))
              for _, e, t, rng in (planted(seed) for seed in range(6))]  # fmt: skip
    assert np.mean(chance) < 0.25
    aware, blind = [], []
    for seed in range(6):
        p, e, t, rng = planted(seed, noise=0.06)
        aware.append(precision(fit_bag_decoder(e, t, 8, rng, draws=600, noise=0.06**2).keywords(p, 6)))
        blind.append(precision(fit_bag_decoder(e, t, 8, rng, draws=600, penalty=1e-6).keywords(p, 6)))
    assert np.mean(aware) >= np.mean(blind)


def test_n_means_are_means_of_distinct_rows():
    rng = np.random.default_rng(0)
    means, shares = n_means(np.eye(10), 4, 20, rng)
    np.testing.assert_array_equal(means, shares)
    assert ((shares > 0).sum(1) == 4).all() and np.allclose(shares.sum(1), 1)
    with pytest.raises(DataError, match="out of 10"):
        n_means(np.eye(10), 11, 1, rng)


def test_a_planted_attribute_of_a_mean_is_found():
    """80 against 20 percent of 50 records; one record's embedding says little about its attribute."""
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 2, 2000)
    embeddings = rng.normal(size=(2000, 64)) + 0.9 * marks[:, None] * np.eye(64)[0]
    x, y = simulated_means(embeddings[:1000], marks[:1000].tolist(), 50, (0.2, 0.8), 1000, rng)
    fresh, truth = simulated_means(embeddings[1000:], marks[1000:].tolist(), 50, (0.2, 0.8), 200, rng)
    single = fit_mean_probe(embeddings[:1000], marks[:1000].tolist()).predict_proba(embeddings[1000:])[:, 1]
    assert auc(fit_mean_probe(x, y).predict_proba(fresh)[:, 1], truth) > 0.9
    assert auc(single, marks[1000:]) < 0.78


def test_equal_shares_and_overwhelming_noise_are_chance():
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 2, 1000)
    embeddings = rng.normal(size=(1000, 16)) + marks[:, None]
    x, y = simulated_means(embeddings, marks.tolist(), 20, (0.5, 0.5), 300, rng)
    fresh, truth = simulated_means(embeddings, marks.tolist(), 20, (0.5, 0.5), 300, rng)
    assert abs(auc(fit_mean_probe(x, y).predict_proba(fresh)[:, 1], truth) - 0.5) < 0.12
    loud = fit_mean_probe(x, y, noise=100.0, rng=rng)
    assert abs(auc(loud.predict_proba(rng.normal(size=(300, 16)) * 10)[:, 1], truth) - 0.5) < 0.12
    with pytest.raises(DataError, match="both values"):
        simulated_means(embeddings, [1] * 1000, 20, (0.5, 0.5), 3, rng)


def test_the_nearest_candidate_of_an_embedding_is_its_own():
    rng = np.random.default_rng(0)
    dictionary, _ = corpus(rng)
    assert nearest_candidates(dictionary[:20], 3 * dictionary) == list(range(20))
