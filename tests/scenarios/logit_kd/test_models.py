"""Models of clients: hashed words, and padding."""

from __future__ import annotations

import torch

from scenarios.logit_kd.models import BUCKETS, hashed_ids, make_model


def test_words_are_hashed_into_their_buckets_and_the_scratch_model_ignores_padding() -> None:
    ids = hashed_ids(["One two", "one", ""], 4)
    assert ids.shape == (3, 4)
    assert int(ids[0, 0]) == int(ids[1, 0])
    assert ids[2].eq(0).all()
    assert int(ids.max()) < BUCKETS
    model = make_model("scratch", 4, 3)
    torch.testing.assert_close(model(ids[:, :2])[:2], model(ids)[:2])
