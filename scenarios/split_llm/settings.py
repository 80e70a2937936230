"""Settings of a split_llm suite entry: schema and defaults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.scenario import Settings as EntrySettings

__all__ = ["Settings"]


class Settings(EntrySettings):
    """Model, data and topology of a suite entry."""

    model: str = Field(description="embedded name, hub name or local folder of a causal model or encoder")
    data: str = Field(description="embedded dataset, local path or hub name")
    task: Literal["classification", "generation"] = Field("classification", description="what the system is used for")
    cut: int | str = Field("25%", description="blocks the data party runs first: a number, 0, 25%, 50%, 75% or last")
    topology: Literal["head-tail", "head-body-tail"] = Field(
        "head-tail", description="head-body-tail: the last blocks and the outputs stay with the data party"
    )
    tail_blocks: int = Field(2, ge=0, description="blocks of the tail in head-body-tail")
    pooled: bool = Field(False, description="encoders: send one normalised mean vector instead of token states")
    prefix: str = Field("", description="public template before the private text")
    suffix: str = Field("", description="public template after the private text")
    label_words: dict[str, str] = Field(default_factory=dict, description="label -> word whose logit scores it")
    max_tokens: int = Field(24, ge=1, description="private texts are truncated to this many tokens")
    new_tokens: int = Field(0, ge=0, description="tokens generated after the prompt")
    records: int = Field(32, ge=2, description="private records; utility is scored on all of them")
    attacked: int = Field(0, ge=0, description="private records whose texts are recovered, of the same ones; 0: all")
    auxiliary: int = Field(400, ge=1, description="the attacker's own records")
    public: int = Field(64, ge=0, description="public records, for calibration and for defenses")
    known: int = Field(0, ge=0, description="records whose (plain, message) pairs the attacker holds")
    attribute: str = Field("", description="name of a binary record attribute that is a secret too")
    planted: bool = Field(False, description="plant an attribute (a signature in a random half) as a control")
    data_options: dict[str, Any] = Field(default_factory=dict, description="passed to harness.data.load")
