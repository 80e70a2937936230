"""Settings of suite entries: every problem at once, and their documentation."""

from __future__ import annotations

import pytest
from pydantic import Field

from harness.errors import SuiteError
from harness.scenario.settings import Settings


class Base(Settings):
    """Settings that a scenario inherits."""

    rounds: int = Field(3, ge=1, description="rounds of the protocol")


class Sample(Base):
    """Settings of a scenario."""

    data: str = Field(description="embedded dataset")
    least: int = 1

    def problems(self) -> list[str]:
        """One contradiction."""
        return ["rounds: fewer than least"] if self.rounds < self.least else []


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(SuiteError, match=r"entry 'e', settings: rounds: .*; data: Field required; other: Extra"):
        Sample.read("e", {"rounds": 0, "other": 1})
    with pytest.raises(SuiteError, match="entry 'e', settings: rounds: fewer than least"):
        Sample.read("e", {"data": "x", "least": 9})
    assert Sample.read("e", {"data": "x"}).rounds == 3


def test_own_settings_are_described_before_inherited_ones() -> None:
    meaning = Sample.meaning()
    assert list(meaning) == ["data", "least", "rounds"]
    assert meaning["data"] == "embedded dataset"
    assert meaning["rounds"] == "rounds of the protocol (default: 3)"
