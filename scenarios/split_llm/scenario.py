"""Declaration of split_llm: its names, assumptions, secrets and steps."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import Scenario, Step
from scenarios.split_llm.build import build, small
from scenarios.split_llm.lm_eval_build import answering
from scenarios.split_llm.settings import Settings

__all__ = ["FINETUNING", "SPLIT_LLM"]

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

_ROUND = "each batch, each round"
_GRADIENTS = (
    Step("data_party", "gradient of the batch's loss in what it was answered", "model_party", "GRADIENT", _ROUND),
    Step("model_party", "gradient at the cut; both sides take a step", "data_party", "GRADIENT", _ROUND),
)
FINETUNING: Mapping[str, tuple[Step, ...]] = {
    "head-tail": (*STEPS["head-tail"], *_GRADIENTS),
    "head-body-tail": (*STEPS["head-body-tail"], *_GRADIENTS),
}
"""What crosses where a classifier is fine-tuned: of every batch the messages of inference, then gradients."""

SPLIT_LLM = Scenario(
    name="split_llm",
    summary="A data party runs the first blocks of a language model on its texts and sends the hidden states to a "
    "model party, which runs the rest (head-tail) or the middle (head-body-tail). With training, both fine-tune a "
    "classifier over all rounds: labels stay with the data party, gradients cross.",
    threat_model="The model party is honest but curious. It sees every hidden state after the cut, prompt and "
    "generated positions alike, knows the public weights, tokenizer and template, and holds auxiliary texts of "
    "the same kind. It wants the private texts and attributes of them.",
    source="Vepakomma, Gupta, Swedish, Raskar (2018), Split learning for health, section 2; encoder states and "
    "pooled embeddings: Song and Raghunathan (2020), section 3.",
    coalitions={"model_party": "every message between the data party and the model party"},
    secrets={
        "text": "the private texts, token by token",
        "label": "the label of each training record, where a classifier is fine-tuned",
        "attribute:NAME": "a binary attribute of each private text, named by the entry's setting 'attribute'",
        "attribute:planted": "a planted attribute, the probe's positive control (never ranked)",
    },
    settings=Settings,
    build=build,
    small=small,
    answering=answering,
    steps=STEPS,
    steps_by="topology",
)
