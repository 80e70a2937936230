"""Typed public facts: asked for by class, a base class gives what is derived from it, and what is missing is named."""

from __future__ import annotations

from typing import ClassVar

import pytest

from harness.attack import Attack, Public
from harness.errors import DataError
from harness.wire.facts import EncoderFacts, Facts, GeneratorFacts, ModelFacts, PopulationFacts, SplitFacts, VoteFacts

PUBLIC = Public(facts=(PopulationFacts(parties=("a",)), EncoderFacts("encoder", blocks=3)))


def test_facts_are_found_by_class_and_by_base() -> None:
    encoder = PUBLIC.need(EncoderFacts)
    assert encoder.blocks == 3
    assert PUBLIC.facts_of(ModelFacts) is encoder
    assert PUBLIC.facts_of(GeneratorFacts) is None
    assert Public().facts_of(PopulationFacts) is None


@pytest.mark.parametrize("kind", [VoteFacts, SplitFacts, GeneratorFacts])
def test_missing_facts_are_named(kind: type[Facts]) -> None:
    with pytest.raises(DataError, match=f"this deployment makes no {kind.__name__} public \\("):
        PUBLIC.need(kind)


class Counting(Attack):
    """Needs votes, and parties."""

    name: ClassVar[str] = "counting"
    needs: ClassVar[tuple[type[Facts], ...]] = (PopulationFacts, VoteFacts)


def test_an_attack_refuses_what_lacks_its_facts() -> None:
    assert "VoteFacts" in str(Counting().refuses(PUBLIC))
    assert "PopulationFacts" in str(Counting().refuses(Public()))
    assert Counting().refuses(Public(facts=(*PUBLIC.facts, VoteFacts((1.0,))))) is None
    assert Attack().refuses(Public()) is None
