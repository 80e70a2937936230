"""The metrics as ``evaluate`` modules, for pipelines that combine them with others of that library.

They work without a network and write no files. Scoring itself calls the plain functions, which this module wraps.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isnan, nan
from types import MappingProxyType
from typing import Any

from harness.errors import UnknownName
from harness.metrics import membership, pii, recovery, text

__all__ = ["NAMES", "metric"]


@dataclass(frozen=True)
class _Spec:
    function: Callable[..., float]
    columns: Mapping[str, tuple[str, int]]  # name -> (type of a value, depth of nested lists)
    per_record: bool


def _paired(kind: str, depth: int) -> Mapping[str, tuple[str, int]]:
    return MappingProxyType({"predictions": (kind, depth), "references": (kind, depth)})


_IDS = _paired("int64", 1)
_SCORES = MappingProxyType({"predictions": ("float64", 0), "references": ("int64", 0)})

_SPECS: Mapping[str, _Spec] = MappingProxyType(
    {
        "token_accuracy": _Spec(recovery.token_accuracy, _IDS, True),
        "content_token_accuracy": _Spec(recovery.content_token_accuracy, _IDS, True),
        "token_f1": _Spec(recovery.token_f1, _IDS, True),
        "exact_match": _Spec(recovery.exact_match, _IDS, True),
        "next_token_agreement": _Spec(recovery.next_token_agreement, _IDS, True),
        "pii_span_recall": _Spec(pii.pii_span_recall, {**_IDS, "spans_token_ranges": ("int64", 2)}, True),
        "rouge_l": _Spec(text.rouge_l, _paired("string", 0), True),
        "mean_nll": _Spec(text.mean_nll, {"predictions": ("float64", 1)}, True),
        "auc": _Spec(membership.auc, _SCORES, False),
        "tpr_at_fpr": _Spec(membership.tpr_at_fpr, _SCORES, False),
        "balanced_accuracy": _Spec(membership.balanced_accuracy, _paired("string", 0), False),
    }
)

NAMES = tuple(_SPECS)


def metric(name: str) -> Any:
    """An ``evaluate.Metric`` of one of :data:`NAMES`, held in memory.

    ``compute(predictions=guesses, references=truths)`` takes one entry per record (token ids, texts, classes), for
    ``mean_nll`` the log-probabilities alone, for ``pii_span_recall`` also ``spans_token_ranges``. Further keywords
    (``special_ids``, ``frequent_ids``, ``alpha``) go to the plain function of that name. It returns ``{name: value}``
    and, for metrics of single records, ``{name}_per_record``: the value is then the mean over records where
    the metric is defined.

    Raises:
        UnknownName: there is no such metric.
    """
    if name not in _SPECS:
        near = get_close_matches(name, NAMES, n=1)
        raise UnknownName(f"no metric {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {NAMES}"))
    return _adapter(name, _SPECS[name])(keep_in_memory=True, seed=0)


def _adapter(name: str, spec: _Spec) -> Any:
    import evaluate

    class Adapter(evaluate.Metric):
        def _build_data_dir(self) -> str:  # the base class would create it, though nothing is put there
            return os.path.join(self._data_dir_root, self.name, self.config_name)

        def _info(self) -> Any:
            description = spec.function.__doc__
            return evaluate.MetricInfo(
                description=description, citation="", inputs_description="", features=_features(spec)
            )

        def _compute(self, **inputs: Any) -> dict[str, Any]:
            columns = [inputs.pop(column) for column in spec.columns]
            options = _own(spec, inputs)
            if not spec.per_record:
                return {name: spec.function(*columns, **options)}
            values = [spec.function(*row, **options) for row in zip(*columns, strict=True)]
            return {name: _mean(values), f"{name}_per_record": values}

    Adapter.__name__ = Adapter.__qualname__ = name  # evaluate names a module after its class
    return Adapter


def _own(spec: _Spec, options: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of this metric; ``evaluate.combine`` hands every module those of all."""
    own = inspect.signature(spec.function).parameters
    others = {word for other in _SPECS.values() for word in inspect.signature(other.function).parameters}
    wrong = sorted(options.keys() - others)
    if wrong:
        raise TypeError(f"no metric here takes {', '.join(wrong)}; this one takes {', '.join(own)}")
    return {word: value for word, value in options.items() if word in own}


def _features(spec: _Spec) -> Any:
    from datasets import Features, List, Value

    features = {}
    for column, (kind, depth) in spec.columns.items():
        feature: Any = Value(kind)
        for _ in range(depth):
            feature = List(feature)
        features[column] = feature
    return Features(features)


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not isnan(value)]
    return sum(defined) / len(defined) if defined else nan
