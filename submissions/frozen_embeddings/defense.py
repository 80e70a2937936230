"""Train all but the embeddings, so that no row of theirs says which tokens a batch has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import Defense, Item


class FrozenEmbeddings(Defense):
    """Changes one setting; where embeddings are frozen anyway it does nothing."""

    def prepare(self, records: Sequence[Item], settings: dict[str, Any]) -> Sequence[Item]:
        settings["embeddings"] = "frozen"
        return records
