"""Attacks on synthetic texts, on runs of a toy protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attacks.extraction.echo_exposure import EchoExposure
from attacks.extraction.pii_echo import PiiEcho
from attacks.extraction.rare_disclosure import RareDisclosure
from attacks.membership_inference.canary_echo import CanaryEcho
from harness.errors import SuiteError
from tests.stand_ins.written_world import mean_power, world

PLAIN: dict[str, Any] = {"calibration": "none"}


@pytest.mark.parametrize("attack", [CanaryEcho(**PLAIN), EchoExposure(), RareDisclosure(), PiiEcho()])
def test_records_echo_in_what_a_generator_wrote(attack: Any) -> None:
    reached = mean_power(attack)
    assert reached > 0.75
    assert 0.55 < mean_power(attack, protocol={"public": True}) <= reached + 0.02


@pytest.mark.parametrize("attack", [CanaryEcho(**PLAIN), EchoExposure(), RareDisclosure(), PiiEcho()])
def test_without_private_data_there_is_no_echo(attack: Any) -> None:
    assert mean_power(attack, seeds=6, protocol={"learns": False}) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("calibration", [pytest.param("likelihood", marks=pytest.mark.slow), "ratio"])
def test_reference_runs_calibrate(calibration: str) -> None:
    attack = CanaryEcho(calibration=calibration, shadows=6)
    assert mean_power(attack, shadows=6) > 0.9
    assert mean_power(attack, shadows=5, seeds=4, protocol={"learns": False}) == pytest.approx(0.5, abs=0.1)


def silenced(seen: Any) -> Any:
    """The transcript of a run in which all texts of client1 were blank."""
    return [replace(s, message=s.message.replace(texts=[])) if s.sender == "client1" else s for s in seen]


@pytest.mark.parametrize("calibration", ["none", "likelihood", "ratio"])
@pytest.mark.parametrize("when", ["now", "in a reference run"])
def test_a_party_that_wrote_nothing_is_in_the_middle(calibration: str, when: str) -> None:
    """A mean log-probability is below 0: were silence scored 0, its candidates would seem the surest members."""
    view = world(shadows=6)
    if when == "now":
        view.transcript = silenced(view.transcript)
    else:
        view.bank = [replace(view.bank[0], transcript=silenced(view.bank[0].transcript)), *view.bank[1:]]
    guess = CanaryEcho(calibration=calibration, shadows=6).guess(view)
    others = [guess[one.id] for one in view.candidates if one.party != "client1"]
    scores = {guess[one.id] for one in view.candidates if one.party == "client1"}
    if calibration == "none" and when != "now":
        assert len(scores) > 1  # reference runs are not looked at
    else:
        assert scores == {np.median(others)}


def test_nobody_is_a_member_where_nothing_was_written() -> None:
    view = world()
    view.transcript = []
    assert len(set(CanaryEcho(**PLAIN).guess(view).values())) == 1


def test_too_few_references_and_unknown_names_are_refused() -> None:
    with pytest.raises(SuiteError, match="at least 4 reference runs and has 2"):
        CanaryEcho().guess(world(shadows=2))
    with pytest.raises(SuiteError, match=r"trigram.*bigram, jaccard, cosine"):
        CanaryEcho(signals=("trigram",))
    with pytest.raises(SuiteError, match="calibration 'magic'"):
        CanaryEcho(calibration="magic")
