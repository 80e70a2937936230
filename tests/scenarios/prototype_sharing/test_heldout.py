"""Held-out texts: own or common classes."""

from __future__ import annotations

import numpy as np
import pytest

from harness.data.record import make
from harness.errors import DataError
from scenarios.prototype_sharing.heldout import held_out
from tests.stand_ins.toy_prototypes import LABELS


def test_held_out_texts_have_own_or_common_classes() -> None:
    counts = {"client0": {"bank": 5, "friend": 0}, "client1": {"bank": 0, "friend": 2}}
    texts = [make(f"text {i}", label=LABELS[i % 2]) for i in range(40)]
    own = held_out(texts, counts, 20, True, np.random.default_rng(0))
    assert {p: {r.label for r in found} for p, found in own.items()} == {"client0": {"bank"}, "client1": {"friend"}}
    common = held_out(texts, counts, 20, False, np.random.default_rng(0))
    assert [len(found) for found in common.values()] == [10, 10]
    with pytest.raises(DataError, match="too few held-out texts of class 'bank'"):
        held_out(texts[:8], counts, 20, True, np.random.default_rng(0))
