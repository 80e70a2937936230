from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from attacks.embedding_inversion.prototype_inversion import PrototypeInversion, single_first
from attacks.toolkit.prototype_space.moments import class_moments
from attacks.toolkit.prototype_space.space_of_run import space_of
from tests.stand_ins.defended_prototypes import LABELS, defended
from tests.stand_ins.rounds_view import Cloud, view_of


class UnitCloud(Cloud):
    """Embeddings of norm 1."""

    def draw(self, name: str) -> Any:
        text = super().draw(name)
        self.vectors[text] = self.vectors[text] / np.linalg.norm(self.vectors[text])
        return text


@pytest.mark.parametrize("candidates", [0, 1])
def test_single_records_are_found_through_noise_that_shadows_show(candidates: int) -> None:
    cloud = UnitCloud(LABELS, size=96)
    protocol = defended(cloud, per_record=0.02, with_counts=False)
    view = view_of(cloud, protocol, shadows=6, parties=20, candidates=candidates, sizes=(1, 1, 4))
    noise = space_of(view, 6, class_moments(view)).variance(1.0)
    assert noise == pytest.approx(0.02, rel=0.3)
    vectors = {
        f"{s.sender}/{c}": m.numpy()
        for s in view.transcript
        for c, m in zip(s.message["classes"], s.message["means"], strict=True)
    }
    single = {key for key in vectors if view.truth["counts"][key.split("/")[0]][key.split("/")[1]] == 1}
    first = single_first(view, vectors, noise)[: len(single)]
    naive = single_first(view, vectors, 0.0)[: len(single)]
    assert len(single & set(first)) / len(single) > 0.85 > len(single & set(naive)) / len(single)
    assert PrototypeInversion(shadows=6).refuses(view.public)
