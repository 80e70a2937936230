from __future__ import annotations

from attacks.embedding_inversion.blind_words import usual_words


def test_usual_words_are_the_most_frequent_ones_of_usual_number() -> None:
    assert usual_words([[5, 5, 7], [7, 9], [7, 5, 1, 2]], frozenset({1})) == [7, 5, 2]
