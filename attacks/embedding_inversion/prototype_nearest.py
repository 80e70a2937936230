"""Text behind a prototype: the nearest text of the attacker's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from attacks.embedding_inversion.prototype_vectors import nearest_texts, prototype_vectors
from attacks.toolkit.prototype_space.moments import class_moments
from attacks.toolkit.prototype_space.space_of_run import space_of
from harness.attack import Attack, ModelFacts

if TYPE_CHECKING:
    from harness.attack import Guess, Public, View

__all__ = ["PrototypeNearest"]


class PrototypeNearest(Attack):
    """Baseline: the attacker's own text of that class whose embedding is nearest to the prototype."""

    name: ClassVar[str] = "prototype_nearest"
    summary: ClassVar[str] = "nearest auxiliary text to the prototype"
    source: ClassVar[str] = "baseline"
    secret: ClassVar[str] = "text"
    reads: ClassVar[tuple[str, ...]] = ("PROTOTYPE",)

    def __init__(self, *, shadows: int = 0) -> None:
        self.shadows = shadows

    def refuses(self, public: Public) -> str | None:
        """Needs a public encoder and its tokenizer."""
        unnamed = "the public encoder is not named, so that texts have no tokens"
        return super().refuses(public) if public.facts_of(ModelFacts) else unnamed

    def guess(self, view: View) -> Guess:
        """``party/class`` -> token ids."""
        return nearest_texts(
            view, prototype_vectors(view, self.shadows, space_of(view, self.shadows, class_moments(view)))
        )
