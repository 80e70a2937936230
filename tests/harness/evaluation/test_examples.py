from __future__ import annotations

from harness.evaluation.examples import MOST, evidence
from harness.scenario.secrets import AttributeSecret, TextSecret

WORDS = ["Ann", " lives", " in", " Rome", " Oslo"]
SECRET = TextSecret(
    tokens={f"r{i}": (0, 1, 2, 3) for i in range(5)},
    spans={},
    special_ids=frozenset(),
    frequent_ids=frozenset(),
    decode=lambda ids: "".join(WORDS[i] for i in ids),
)


def test_generated_texts_are_kept_token_by_token() -> None:
    found = evidence(SECRET, {"r0": [0, 1, 2, 4]}, "pii:abc")
    assert len(found) == MOST
    assert found[0] == {"record": "r0", "original": WORDS[:4], "recovered": ["Ann", " lives", " in", " Oslo"]}
    assert found[1]["recovered"] == []


def test_other_texts_and_secrets_are_not() -> None:
    assert evidence(SECRET, {"r0": [0]}, "sms_spam:abc") == []
    assert evidence(AttributeSecret({"r0": 1}), {"r0": 1.0}, "pii:abc") == []
