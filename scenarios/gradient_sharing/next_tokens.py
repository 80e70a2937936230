"""Utility of a language model that was trained together: how often the likeliest next token is the right one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harness.scenario import Score

__all__ = ["NextTokens"]


@dataclass(frozen=True)
class NextTokens:
    """Share of a held-out text's tokens that the model finds likeliest where they stand.

    Read from ``prediction["choices"]``, one token id for each but the first of ``texts``. The party chooses on texts
    that it has, so one that wants to lie can: ``docs/limits.md``.
    """

    texts: Mapping[str, Sequence[int]]
    """Item -> all token ids that enter the model."""
    public: Sequence[Sequence[int]]
    """Token ids of public texts."""
    name: str = "next_token_accuracy"

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """In [0, 1] per text; a choice that is missing counts as wrong."""
        return tuple(
            Score(record=item, metric=self.name, value=_hits(predictions.get(item), ids[1:]))
            for item, ids in self.texts.items()
        )

    def blind(self) -> tuple[Score, ...]:
        """The token that follows each one most often in public texts; the most frequent token after unknown ones."""
        pairs = Counter((a, b) for ids in self.public for a, b in pairwise(ids))
        common, _ = Counter(token for ids in self.public for token in ids[1:]).most_common(1)[0]
        after: dict[int, int] = {}
        for (a, b), _ in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0])):
            after.setdefault(a, b)
        guesses = {item: {"choices": [after.get(token, common) for token in ids]} for item, ids in self.texts.items()}
        return self.score(guesses, {})


def _hits(prediction: Any, wanted: Sequence[int]) -> float:
    choices = prediction.get("choices") if isinstance(prediction, Mapping) else None
    if not isinstance(choices, list) or not wanted:
        return 0.0
    return sum(int(a == b) for a, b in zip(choices, wanted, strict=False)) / len(wanted)
