from __future__ import annotations

from attacks.toolkit.words import ngrams, words


def test_words_are_folded_and_keep_their_inner_marks() -> None:
    assert words("Don't call +44 7700-900123, a.b@c.org!") == ["don't", "call", "44", "7700-900123", "a.b@c.org"]
    assert ngrams(["a", "b", "c"], 2) == [("a", "b"), ("b", "c")]
    assert ngrams(["a"], 2) == []
