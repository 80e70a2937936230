"""Records that bundles and stores are filled with."""

from __future__ import annotations

import pytest

from harness.store.files import Record
from tests.stand_ins.stored_results import TINY, records


@pytest.fixture(scope="module")
def some() -> list[Record]:
    """Two submissions on one entry."""
    return list(records(TINY[:2], entries=["skills-cut0"], n=4))
