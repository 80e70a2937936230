"""Distance to the nearest synthetic text against its definition."""

from __future__ import annotations

import numpy as np

from attacks.extraction.nearest_record import nearest_distance


def test_it_is_the_least_distance_to_any_text() -> None:
    rng = np.random.default_rng(0)
    records, texts = rng.normal(size=(10, 6)), rng.normal(size=(20, 6))
    slow = [min(np.linalg.norm(x - y) for y in texts) for x in records]
    np.testing.assert_allclose(nearest_distance(records, texts), slow)
