"""The split_llm scenario as the registry finds it."""

from __future__ import annotations

from typing import Any

from harness.scenario import Deployment, Scenario
from scenarios.split_llm.settings import MEANING, Settings, read_settings
from scenarios.split_llm.steps import STEPS

__all__ = ["SPLIT_LLM"]


def _build(entry: str, raw: dict[str, Any], axes: tuple[str | int, ...]) -> Deployment:
    from scenarios.split_llm.build import build

    return build(read_settings(entry, raw), axes)


def _small(folder: str) -> Deployment:
    from harness.scenario import toy_model, toy_records
    from scenarios.split_llm.build import assemble

    settings = Settings(
        model=str(toy_model(folder)),
        data="toy",
        task="classification",
        cut=1,
        topology="head-body-tail",
        tail_blocks=1,
        prefix="Message: ",
        suffix="\nFrom:",
        label_words={"bank": " bank", "friend": " friend"},
        max_tokens=12,
        new_tokens=2,
        records=6,
        auxiliary=12,
        public=8,
        known=2,
        attribute="has_number",
    )
    return assemble(settings, list(toy_records()), ("toy",))


SPLIT_LLM = Scenario(
    name="split_llm",
    summary="A data party runs the first blocks of a language model on its texts and sends the hidden states to a "
    "model party, which runs the rest (head-tail) or the middle (head-body-tail).",
    threat_model="The model party is honest but curious. It sees every hidden state after the cut, prompt and "
    "generated positions alike, knows the public weights, tokenizer and template, and holds auxiliary texts of "
    "the same kind. It wants the private texts and attributes of them.",
    source="Vepakomma, Gupta, Swedish, Raskar (2018), Split learning for health, section 2; encoder states and "
    "pooled embeddings: Song and Raghunathan (2020), section 3.",
    coalitions={"model_party": "every message between the data party and the model party"},
    secrets={
        "text": "the private texts, token by token",
        "attribute:NAME": "a binary attribute of each private text, named by the entry's setting 'attribute'",
        "attribute:planted": "a planted attribute, the probe's positive control (never ranked)",
    },
    settings=MEANING,
    build=_build,
    small=_small,
    steps=STEPS,
    steps_by="topology",
)
