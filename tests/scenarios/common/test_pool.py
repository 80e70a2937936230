"""Records of the wanted classes."""

from __future__ import annotations

import pytest

from harness.data.record import make
from harness.errors import SuiteError
from scenarios.common.pool import of_wanted_classes

POOL = [make(f"{label} {i}", label=label) for label, size in (("b", 3), ("a", 2), ("c", 2)) for i in range(size)]


def test_the_most_frequent_classes_are_wanted_with_ties_by_name() -> None:
    assert {record.label for record in of_wanted_classes(POOL, "toy", 2)} == {"a", "b"}
    assert of_wanted_classes(POOL, "toy", 0) == POOL


def test_too_few_classes_are_refused() -> None:
    with pytest.raises(SuiteError, match=r"data 'toy' has 3 classes; 4 are needed"):
        of_wanted_classes(POOL, "toy", 4)
    with pytest.raises(SuiteError, match="1 classes; 2 are needed"):
        of_wanted_classes(POOL[:3], "toy", 0)


def test_named_classes_are_kept_alone() -> None:
    assert {record.label for record in of_wanted_classes(POOL, "toy", 0, ("a", "b"))} == {"a", "b"}
    with pytest.raises(SuiteError, match="no class named"):
        of_wanted_classes(POOL, "toy", 0, ("a", "nowhere"))
