"""Who sends whom what in split_llm, for the board's drawing."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import Step

__all__ = ["STEPS"]

_TEXT = "each text, each new token"
_UP = (
    Step("data_party", "runs the first blocks on a private text", when=_TEXT),
    Step("data_party", "states after the cut, token by token", "model_party", "HIDDEN", _TEXT),
)

STEPS: Mapping[str, tuple[Step, ...]] = {
    "head-tail": (
        *_UP,
        Step("model_party", "runs all other blocks", when=_TEXT),
        Step("model_party", "scores of the next token", "data_party", "LOGITS", _TEXT),
    ),
    "head-body-tail": (
        *_UP,
        Step("model_party", "runs the middle blocks", when=_TEXT),
        Step("model_party", "states before the tail", "data_party", "HIDDEN", _TEXT),
        Step("data_party", "runs the last blocks, reads the outputs", when=_TEXT),
    ),
}
