"""What the defense page says of claims: those of operating points count, and a small delta is not 0.00."""

from __future__ import annotations

import json

import pandas as pd

from leaderboard.app.content.defense import claim_facts
from leaderboard.app.content.table import ready

CLAIM = {"epsilon": 2.0, "delta": 1e-5, "unit": "record", "adjacency": "add_remove"}


def card(points: list[object], claim: object = None) -> dict[str, object]:
    return {"points": json.dumps(points), "claim": json.dumps(claim)}


def test_claims_of_operating_points_are_said() -> None:
    said = claim_facts(card([{"label": "strong", "claim": CLAIM}, {"label": "none"}, {"claim": {"epsilon": 8}}]))
    assert said == {
        "Claimed at strong": "epsilon 2, delta 1e-05, unit record, adjacency add remove",
        "Claimed at point 2": "epsilon 8",
    }


def test_a_claim_of_the_whole_submission_comes_first() -> None:
    said = claim_facts(card([{"label": "strong", "claim": CLAIM}], {"epsilon": 1}))
    assert list(said) == ["Claimed", "Claimed at strong"]
    assert not claim_facts(card([]))
    assert not claim_facts({"points": None, "claim": None})


def test_a_small_delta_is_no_zero() -> None:
    rows = pd.DataFrame({"delta": [1e-5], "epsilon": [0.123456]})
    assert ready(rows, ["delta", "epsilon"]).iloc[0].to_dict() == {"delta": 1e-5, "epsilon": 0.1235}
