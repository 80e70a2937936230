"""Settings of a split_llm suite entry: schema and defaults."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.scenario import Settings as EntrySettings

__all__ = ["LmEvalTask", "Settings", "Training"]


class LmEvalTask(BaseModel):
    """One lm-eval task as utility of an entry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lm_eval: str = Field(description="name of an embedded task or group, or of lm-eval's own (hub:NAME)")
    limit: int = Field(100, ge=2, description="questions, drawn by the seed")
    metric: str = Field("", description="lm-eval's metric, one value per question; empty: accuracy or the first one")


class Training(BaseModel):
    """Split fine-tuning of a classifier of two classes, in place of inference."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: tuple[str, ...] = Field((), description="the two labels; empty: the two most frequent ones")
    balanced: bool = Field(True, description="as many private records of each class; else as in the data")
    groups_apart: bool = Field(False, description="no group has records in two splits")
    epochs: int = Field(3, ge=1, description="times that every record is trained on")
    batch_size: int = Field(16, ge=1, description="records of a batch")
    lr: float = Field(1e-3, gt=0, description="learning rate of AdamW, of both sides")
    rank: int = Field(8, ge=0, description="rank of LoRA adapters on every linear layer of all blocks; 0: all weights")
    test: int = Field(200, ge=2, description="held-out private texts that utility is scored on")
    hints: int = Field(10, ge=2, description="training records whose labels the attacker knows, half of each class")
    permuted: bool = Field(False, description="permute the labels: a null for attacks that follow the texts")


class Settings(EntrySettings):
    """Model, data and topology of a suite entry."""

    model: str = Field(description="embedded name, hub name or local folder of a causal model or encoder")
    data: str = Field("", description="embedded dataset, local path or hub name; none with utility tasks")
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
    likelihood: bool = Field(True, description="generation, head-body-tail: score the likelihood of the texts, too")
    planted: bool = Field(False, description="plant an attribute (a signature in a random half) as a control")
    data_options: dict[str, Any] = Field(default_factory=dict, description="passed to harness.data.load")
    utility: tuple[LmEvalTask, ...] = Field(
        (), description='lm-eval tasks, such as { lm_eval = "piqa", limit = 100 }: their questions are the texts'
    )
    training: Training | None = Field(None, description="fine-tune a classifier, such as { epochs = 3, rank = 8 }")

    def problems(self) -> list[str]:
        """Contradictions: data or lm-eval tasks, one of both; a task's questions bring their own form."""
        if self.training is not None:
            return self._training_problems(self.training)
        if not self.utility:
            return [] if self.data else ["data: name a dataset, or utility tasks whose questions are the texts"]
        excluded = ["data", "task", "pooled", "prefix", "suffix", "label_words", "new_tokens", "records", "attribute"]
        excluded += ["planted", "data_options", "likelihood"]
        given = [
            name
            for name in excluded
            if getattr(self, name) != type(self).model_fields[name].get_default(call_default_factory=True)
        ]
        names = [task.lm_eval for task in self.utility]
        problems = [f"{name}: has no meaning where utility tasks bring their questions" for name in given]
        return problems + [
            f"utility: {name} is named twice" for name in sorted({n for n in names if names.count(n) > 1})
        ]

    def _training_problems(self, training: Training) -> list[str]:
        """Settings that fine-tuning has no use for, and sizes that do not fit."""
        excluded = ["pooled", "new_tokens", "known", "attribute", "planted", "utility"]
        problems = [f"{name}: has no meaning where a model is fine-tuned" for name in excluded if getattr(self, name)]
        if self.label_words and self.topology == "head-tail":
            problems.append("label_words: where labels begin as words, the class head is the private party's")
        problems += ["task: classifiers are fine-tuned"] if self.task != "classification" else []
        problems += [] if self.data else ["data: name a dataset"]
        problems += [] if len(training.classes) in (0, 2) else ["training.classes: name two, or none"]
        if training.batch_size > self.records:
            problems.append(f"training.batch_size: {training.batch_size} of {self.records} records")
        if training.hints > self.records // 2:
            problems.append(f"training.hints: {training.hints} of {self.records} records; at most half may be known")
        return problems
