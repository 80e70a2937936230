"""Rows of results tell operating points by the names that their manifest gives them."""

from __future__ import annotations

from harness import registry
from harness.report import _labels
from harness.submission import load


def test_points_are_named_by_the_source_that_was_run() -> None:
    labels = _labels()
    found = load(registry.find_submission("gaussian_noise"))
    assert [labels[found.hash, index] for index in range(len(found.points))] == [p.label for p in found.points]
    assert ("another hash", 0) not in labels
