"""The planted attribute is balanced, visible, and independent of the rest."""

from __future__ import annotations

import numpy as np

from harness.data import PLANTED, SIGNATURES, Span, content_id, make, plant_attribute
from harness.data.plant import plant_linked


def test_half_get_each_signature_and_all_else_stays() -> None:
    base = [
        make(f"Anna wrote {i}", label="ab"[i % 2], group="g", spans=[Span(0, 4, "PERSON")], attributes={"x": i % 2})
        for i in range(101)
    ]
    planted = plant_attribute(base, np.random.default_rng(0))
    assert sum(record.attributes[PLANTED] for record in planted) == 50
    for before, after in zip(base, planted, strict=True):
        assert after.text == before.text + SIGNATURES[after.attributes[PLANTED]]
        assert after.id == content_id(after.text) != before.id
        assert (after.label, after.group, after.spans) == (before.label, before.group, before.spans)
        assert after.attributes["x"] == before.attributes["x"]


def test_draws_follow_the_generator_and_ignore_the_labels() -> None:
    base = [make(f"text {index}", label="ab"[index % 2]) for index in range(400)]
    one, again, other = (plant_attribute(base, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == again != other
    of_a = [record.attributes[PLANTED] for record in one if record.label == "a"]
    assert 70 < sum(of_a) < 130  # 100 expected; 5 is the standard deviation of the hypergeometric law


def test_a_linked_name_goes_with_the_label_and_is_as_common_either_way() -> None:
    base = [make(f"text {index}", label="ab"[index % 2]) for index in range(200)]
    for share in (0.2, 0.8):
        signed = plant_linked(base, np.random.default_rng(0), share, "a")
        assert [record.label for record in signed] == [record.label for record in base]
        of = {label: [r.attributes[PLANTED] for r in signed if r.label == label] for label in "ab"}
        assert abs(sum(of["a"]) - 100 * share) <= 1 and abs(sum(of["b"]) - 100 * (1 - share)) <= 1
