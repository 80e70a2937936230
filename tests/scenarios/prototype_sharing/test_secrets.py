"""Secrets of prototype_sharing carry the number of records behind a prototype."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scenario.deployment import Deployment
from harness.scenario.membership import MembershipSecret
from harness.scenario.secrets import BagSecret
from tests.stand_ins.toy_prototypes import deployment


def test_membership_scores_carry_the_class_count(asked: Deployment) -> None:
    """Of the release that a candidate is or would be in: a lone member and its twin that is out are both of one."""
    secret = asked.secrets["membership"]
    assert isinstance(secret, MembershipSecret)
    scores = secret.score(dict.fromkeys(secret.records, 0.0))
    counts = {s.record: s.value for s in scores if s.metric == "count"}
    for candidate in asked.candidates:
        held = asked.truth["counts"][candidate.party][candidate.label]
        inside = secret.labels[candidate.id]
        assert counts[f"0:{candidate.id}"] == (held if inside else held + 1) >= 1


def test_words_carry_the_class_count(toy_folder: Path) -> None:
    made = next(d for d in (deployment(toy_folder, seed, alpha=0.2) for seed in range(9)) if d.secrets["text"].records)
    for name in ("text", "words"):
        secret = made.secrets[name]
        counts = {s.record: s.value for s in secret.score({}) if s.metric == "count"}
        assert counts
        for record, count in counts.items():
            party, _, label = record.partition("/")
            assert count == made.truth["counts"][party][label]
        assert len(secret.score({})) > 2 * len(counts)


def test_words_of_few_records_are_secret_alone_and_together(toy_folder: Path) -> None:
    made = deployment(toy_folder, alpha=0.2)
    sizes = {
        f"{party}/{label}": n
        for party, counts in made.truth["counts"].items()
        for label, n in counts.items()
        if party != "client0"
    }
    text, words = made.secrets["text"], made.secrets["words"]
    assert set(text.records) == {key for key, n in sizes.items() if n == 1}
    assert set(words.records) == {key for key, n in sizes.items() if 2 <= n <= 10}
    assert isinstance(words, BagSecret)
    key = words.records[0]
    truth = list(words.tokens[key])
    half = len(truth) // 2

    def told(guess: list[int]) -> float | None:
        return next(s.value for s in words.score({key: guess}) if (s.record, s.metric) == (key, "token_f1"))

    assert told(truth[::-1]) == 1.0
    assert told(truth[:half]) == pytest.approx(2 * half / (len(truth) + half))
    assert all(s.value in (0.0, None) for s in words.score({}) if s.metric != "count")
