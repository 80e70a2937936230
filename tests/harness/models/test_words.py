"""The small classifier of words."""

from __future__ import annotations

from harness.models.words import labels_by_words
from harness.scenario.toy import toy_records


def test_words_tell_the_toy_labels() -> None:
    records = toy_records()
    texts, labels = [r.text for r in records[:24]], [str(r.label) for r in records[:24]]
    assert labels_by_words(texts, labels, [r.text for r in records[24:]]) == [r.label for r in records[24:]]
    assert labels_by_words(texts[:1], ["only"], ["x", "y"]) == ["only", "only"]
