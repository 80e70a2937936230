"""Utility of predicting the next token of private texts, computed by the harness from what private parties return.

A party returns the states before the last norm, one for each token to be predicted: ``prediction["rows"]`` for the
tokens of its text, ``prediction["next"]`` for those after it. The public norm and vocabulary head are applied here, and
the texts are the originals, whatever a defense made of them before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from harness.store.schema import Score

if TYPE_CHECKING:
    from harness.lm_eval.readings import Reading
    from harness.models.ngram import TokenModel

__all__ = ["Agreement", "Likelihood", "Passage"]


@dataclass(frozen=True)
class Passage:
    """One private text as it enters the model."""

    before: tuple[int, ...]
    """Public template before the text, special tokens among them."""
    text: tuple[int, ...]
    after: tuple[int, ...] = ()

    @property
    def whole(self) -> list[int]:
        """All tokens in order."""
        return [*self.before, *self.text, *self.after]

    @property
    def first(self) -> int:
        """Place in the text of the first token that something stands before."""
        return 0 if self.before else 1


@dataclass(frozen=True)
class Likelihood:
    """Mean log-likelihood per token of the record's own original text, in nats; perplexity is ``exp`` of its negative.
    Log-likelihood enters the score because perplexity has no mean worth comparing.
    """

    model: str
    """The whole model, whose public norm and vocabulary head read what is returned."""
    passages: Mapping[str, Passage]
    """Record -> its text."""
    public: tuple[tuple[int, ...], ...]
    """Tokens of public texts, from which anyone could learn a small language model."""
    vocabulary: int
    name: str = "log_likelihood"

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """Nats per token; a token whose row is missing counts as guessed uniformly."""
        return tuple(
            Score(record=record, metric=self.name, value=self._mean(self._read(predictions.get(record), passage)))
            for record, passage in self.passages.items()
        )

    def blind(self) -> tuple[Score, ...]:
        """The small language model of public texts, which anyone has without any protocol."""
        model = _small_model(self.public, self.vocabulary)
        return tuple(
            Score(record=record, metric=self.name, value=self._mean(model.likelihoods(p.text)[p.first :]))
            for record, p in self.passages.items()
        )

    def _read(self, prediction: Any, passage: Passage) -> list[float]:
        wanted = passage.text[passage.first :]
        got = _reading(self.model, prediction, "rows", wanted).likelihoods
        return [*got, *[-log(self.vocabulary)] * (len(wanted) - len(got))]

    def _mean(self, values: Sequence[float]) -> float:
        return sum(values) / len(values) if values else -log(self.vocabulary)


@dataclass(frozen=True)
class Agreement:
    """Share of next-token choices that equal the undefended model's, per record: in the text and after it."""

    model: str
    passages: Mapping[str, Passage]
    """Record -> its text."""
    public: tuple[tuple[int, ...], ...]
    """Tokens of public texts, from which anyone could learn a small language model."""
    vocabulary: int
    generated: int
    """Choices after the text: the next token, and those that were generated after it."""
    returned: bool
    """True: read from returned rows. False: from ``prediction["choices"]``, those after the text alone, which its party
    reads off the scores it is answered with."""
    name: str = "next_token_agreement"

    def score(self, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[Score, ...]:
        """In [0, 1] per record; 1 for the undefended model by definition."""
        return self._scores(
            {
                record: _equal(self.choices(predictions.get(record), p), self.choices(reference.get(record), p))
                for record, p in self.passages.items()
            }
        )

    def blind(self) -> tuple[Score, ...]:
        """Choices of the small language model of public texts, against those of the whole model."""
        small, truth = _small_model(self.public, self.vocabulary), self.undefended()
        values = {}
        for record, passage in self.passages.items():
            known = list(passage.text)
            inside = [small.likeliest(known[:place]) for place in self._inside(passage)]
            for _ in range(self.generated):
                known.append(small.likeliest(known))
            values[record] = _equal([*inside, *known[len(passage.text) :]], truth[record])
        return self._scores(values)

    def choices(self, prediction: Any, passage: Passage) -> list[int]:
        """The tokens that a prediction comes to, in the text and after it; -1 where none came back."""
        if self.returned:
            inside = _reading(self.model, prediction, "rows", passage.text[passage.first :]).likeliest
            # A row that is missing must not move the choices that follow.
            wanted = len(self._inside(passage))
            padded = [*inside, *[-1] * (wanted - len(inside))]
            return [*padded, *_reading(self.model, prediction, "next", (), self.generated).likeliest]
        chosen = prediction.get("choices") if isinstance(prediction, Mapping) else None
        return [token for token in chosen if isinstance(token, int)] if isinstance(chosen, list) else []

    def _inside(self, passage: Passage) -> range:
        """Places in the text whose token is to be predicted."""
        return range(passage.first, len(passage.text)) if self.returned else range(0)

    def undefended(self) -> dict[str, list[int]]:
        """Record -> the choices of the whole model, without any protocol; remembered."""
        from harness.assets.memo import memo
        from harness.models.resolve import model_hash

        passages = list(self.passages.values())
        asked = [[p.whole, len(p.before), list(self._inside(p))] for p in passages]
        inputs = [model_hash(self.model), self.generated, asked]
        chosen = memo("whole-model-choices", inputs, lambda: [self._chosen(p) for p in passages])
        return dict(zip(self.passages, chosen, strict=True))

    def _chosen(self, passage: Passage) -> list[int]:
        import torch

        from harness.models.split import public_part

        part, new, chosen = public_part(self.model, 0, None, True), passage.whole, list[int]()
        start, cache = len(passage.before), part.new_cache()
        with torch.inference_mode():
            for step in range(self.generated):
                likeliest = part(torch.tensor([new]), cache)[0].argmax(-1).tolist()
                chosen += [] if step else [likeliest[start + place - 1] for place in self._inside(passage)]
                chosen.append(likeliest[-1])
                new = chosen[-1:]
        return chosen

    def _scores(self, values: Mapping[str, float]) -> tuple[Score, ...]:
        return tuple(Score(record=record, metric=self.name, value=value) for record, value in values.items())


def _equal(chosen: Sequence[int], truth: Sequence[int]) -> float:
    return sum(a == b for a, b in zip(chosen, truth, strict=False)) / len(truth) if truth else 0.0


def _reading(model: str, prediction: Any, name: str, tokens: Sequence[int], choices: int = 0) -> Reading:
    from harness.lm_eval.readings import read

    return read(model, prediction.get(name) if isinstance(prediction, Mapping) else None, tokens, choices)


def _small_model(public: Sequence[Sequence[int]], vocabulary: int) -> TokenModel:
    from harness.models.ngram import learn_tokens

    return learn_tokens(public, vocabulary)
