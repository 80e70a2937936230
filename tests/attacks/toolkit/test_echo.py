from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from typing import Any

import numpy as np
import pytest

from attacks.toolkit.calibration import likelihood_calibrated, ratio_calibrated
from attacks.toolkit.echo import BigramModel, bigram_signal, cosine_signal, jaccard_signal, mean_of_top
from attacks.toolkit.words import words
from harness.errors import DataError
from harness.metrics.membership import auc
from harness.util.arrays import Mask
from tests.stand_ins.word_generator import domain, generate


def test_the_bigram_model_has_add_one_smoothing() -> None:
    model = BigramModel(["a b a b", "a c"])
    # a is followed by b twice and by c once; 3 words and one unknown.
    assert model.log_probability("a b") == pytest.approx(log(3 / 7))
    assert model.log_probability("x y") == pytest.approx(log(1 / 4))
    assert model.log_probability("a b a") == pytest.approx((log(3 / 7) + log(2 / 5)) / 2)
    assert model.log_probability("x a b", skip=1) == pytest.approx(log(3 / 7))
    assert model.log_probability("alone") == 0.0
    total = sum(np.exp(model.log_probability(f"a {w}")) for w in ("a", "b", "c", "unknown"))
    assert total == pytest.approx(1)


def test_similarity_follows_its_definition() -> None:
    rng = np.random.default_rng(0)
    canaries, texts = domain(5, rng), domain(40, rng)

    def slow(canary: str) -> float:
        a = set(words(canary))
        every = sorted((len(a & set(words(t))) / len(a | set(words(t))) for t in texts), reverse=True)
        return float(np.mean(every[:7]))

    np.testing.assert_allclose(jaccard_signal(canaries, texts, nearest=7), [slow(c) for c in canaries])
    x, y = rng.normal(size=(3, 6)), rng.normal(size=(9, 6))
    cosines = [[float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for b in y] for a in x]
    np.testing.assert_allclose(cosine_signal(x, y, nearest=4), np.sort(cosines, axis=1)[:, -4:].mean(1))
    np.testing.assert_allclose(mean_of_top(np.eye(2), 25), [0.5, 0.5])
    with pytest.raises(DataError, match="at least one"):
        jaccard_signal([], texts)


def runs(
    canaries: Sequence[str], times: int, seed: int = 0, references: int = 6, learns: bool = True
) -> tuple[list[list[str]], Mask]:
    """Synthetic texts of one live run and of reference runs, each trained with a random half of the canaries."""
    rng = np.random.default_rng(seed)
    texts, members = [], []
    for _ in range(references + 1):
        inside = rng.random(len(canaries)) < 0.5
        private = domain(150, rng)
        training = private + [c for c, on in zip(canaries, inside, strict=True) if on and learns for _ in range(times)]
        texts.append(generate(training, 250, rng))
        members.append(inside)
    return texts, np.array(members)


def echo_canaries(count: int, seed: int = 0, prefix: int = 3) -> list[str]:
    """A usual beginning, then words that the domain does not have."""
    rng = np.random.default_rng(seed)
    rare = [f"{a}{b}{c}t" for a in "stvwz" for b in "aeiou" for c in "qxyzw"]
    tails = [rng.choice(rare, 6, replace=False) for _ in range(count)]
    return [" ".join([*text.split()[:prefix], *tail]) for text, tail in zip(domain(count, rng), tails, strict=True)]


def echo_auc(calibration: str, signal: Callable[..., Any] = bigram_signal, **options: Any) -> float:
    canaries = echo_canaries(60)
    texts, members = runs(canaries, 16, **options)
    scores = np.stack([signal(canaries, one) for one in texts])
    if signal is jaccard_signal:
        scores = np.log(scores + 1e-3)
    if calibration == "none":
        target = scores[0]
    elif calibration == "ratio":
        target = ratio_calibrated(scores[0], scores[1:])
    else:
        target = likelihood_calibrated(scores[0], scores[1:], members[1:])
    return auc(target, members[0])


@pytest.mark.parametrize("signal", [bigram_signal, jaccard_signal])
def test_repeated_canaries_echo_in_generated_texts(signal: Callable[..., Any]) -> None:
    plain = echo_auc("none", signal)
    assert plain >= 0.7
    for calibration in ("ratio", "likelihood"):
        assert echo_auc(calibration, signal) >= max(0.85, plain - 0.02)


@pytest.mark.parametrize("calibration", ["none", "ratio", "likelihood"])
def test_a_generator_that_never_saw_them_has_no_echo(calibration: str) -> None:
    aucs = [echo_auc(calibration, learns=False, seed=seed, references=4) for seed in range(6)]
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.08)
