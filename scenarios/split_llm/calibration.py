"""Public calibration of the undefended model: label-word biases for causal models, a linear classifier for encoders.

Label words (verbalisers) with their mean logit subtracted: Zhao et al. (2021), "Calibrate before use", section 5,
with public texts in place of content-free ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.scenario import memo

__all__ = ["Linear", "label_bias", "linear_classifier", "pooled_states", "typical_norms"]


@dataclass(frozen=True)
class Linear:
    """Class scores ``x @ weight.T + bias``; rows in sorted order of labels."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Scores [n, C] of inputs [n, d]."""
        return x @ self.weight.T + self.bias


def label_bias(model: str, prompts: Sequence[list[int]], words: dict[str, int]) -> dict[str, float]:
    """Minus the mean logit of each label word over the public prompts; zero without any."""
    if not prompts:
        return dict.fromkeys(words, 0.0)

    def measure() -> list[float]:
        from harness.scenario import load_part

        whole = load_part(model, 0, None, head=True)
        with torch.inference_mode():
            last = torch.stack([whole(torch.tensor([ids]))[0, -1, list(words.values())] for ids in prompts])
        return [-float(value) for value in last.mean(0)]

    return dict(zip(words, memo("label-bias", [model, list(prompts), words], measure), strict=True))


def typical_norms(model: str, cut: int | None, prompts: Sequence[list[int]], pooled: bool) -> dict[str, float]:
    """Median Euclidean (``l2``) and L1 (``l1``) norm of the undefended message vectors of public prompts.

    The first position is left out: causal models give it a norm many times that of all others.
    """

    def measure() -> list[float]:
        from harness.scenario import load_part

        head = load_part(model, 0, cut)
        with torch.inference_mode():
            states = [head(torch.tensor([ids]))[0] for ids in prompts]
        sent = torch.stack([pooled_states(x) for x in states]) if pooled else torch.cat([x[1:] for x in states])
        return [float(torch.linalg.vector_norm(sent, ord=order, dim=-1).median()) for order in (2, 1)]

    l2, l1 = memo("typical-norms", [model, cut, list(prompts), pooled], measure) if prompts else (1.0, 1.0)
    return {"l2": l2, "l1": l1}


def linear_classifier(model: str, labelled: Sequence[tuple[list[int], Any]]) -> Linear:
    """Logistic regression on normalised mean states of the undefended encoder, fitted on public labelled texts."""

    def measure() -> list[Any]:
        from sklearn.linear_model import LogisticRegression

        from harness.scenario import load_part

        whole = load_part(model, 0, None)
        with torch.inference_mode():
            pooled = torch.stack([pooled_states(whole(torch.tensor([ids]))[0]) for ids, _ in labelled])
        fitted = LogisticRegression(C=10.0, max_iter=1000).fit(pooled.numpy(), [label for _, label in labelled])
        weight, bias = fitted.coef_, fitted.intercept_
        if len(fitted.classes_) == 2:
            weight, bias = [-weight[0] / 2, weight[0] / 2], [-bias[0] / 2, bias[0] / 2]
        return [[[float(v) for v in row] for row in weight], [float(v) for v in bias]]

    weight, bias = memo("encoder-classifier", [model, [list(pair) for pair in labelled]], measure)
    return Linear(torch.tensor(weight), torch.tensor(bias))


def pooled_states(states: Tensor) -> Tensor:
    """Mean over the tokens ``[T, d] -> [d]``, of length 1."""
    return torch.nn.functional.normalize(states.mean(0), dim=0)
