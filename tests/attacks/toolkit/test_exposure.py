from __future__ import annotations

import numpy as np
import pytest

from attacks.toolkit.exposure import alternatives, exposure
from harness.errors import DataError
from tests.stand_ins.word_generator import domain


def test_exposure_is_a_rank_in_bits() -> None:
    references = np.arange(1.0, 1024.0)
    assert exposure(0.0, references) == 10.0
    assert exposure(511.5, references) == pytest.approx(1.0)
    assert exposure(5000.0, references) == 0.0
    assert exposure(1.0, np.ones(3)) == pytest.approx(np.log2(4 / 2.5))
    with pytest.raises(DataError, match="at least one"):
        exposure(1.0, np.zeros(0))


def test_exposure_of_what_was_never_inserted_is_exponential() -> None:
    """Its mean is log2(e) bits, and t bits or more have probability 2^-t."""
    rng = np.random.default_rng(0)
    bits = np.array([exposure(rng.normal(), rng.normal(size=2000)) for _ in range(1500)])
    assert bits.mean() == pytest.approx(np.log2(np.e), abs=0.12)
    assert (bits >= 3).mean() == pytest.approx(1 / 8, abs=0.03)


def test_a_memorised_canary_is_exposed() -> None:
    """A bigram model of texts with one number repeated: the number is far more likely than any other."""
    from attacks.toolkit.echo import BigramModel

    rng = np.random.default_rng(0)
    numbers = [" ".join(rng.permutation([*"0123456789"])[:6]) for _ in range(512)]
    inserted = BigramModel([*domain(100, rng), *["the code is " + numbers[0]] * 16])
    without = BigramModel(domain(100, rng))
    losses = [np.array([-m.log_probability("the code is " + n) for n in numbers]) for m in (inserted, without)]
    assert exposure(losses[0][0], losses[0][1:]) == 9.0
    assert exposure(losses[1][0], losses[1][1:]) < 3


def test_alternatives_begin_alike_and_are_as_long() -> None:
    rng = np.random.default_rng(0)
    texts = alternatives("a b c d", ["u v w x y", "z"], 20, 0.5, rng)
    assert {one[:3] for one in texts} == {"a b"} and {len(one.split()) for one in texts} == {4}
    assert {"x y", "z z"} == {one[4:] for one in texts}
