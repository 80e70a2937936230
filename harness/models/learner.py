"""A language model that is fine-tuned: a part with a task's head, of which chosen parameters are trained.

Frozen parameters share their storage with the part that a learner is made from; trained ones are copies. So many
parties of one process fine-tune one model, and a message holds the trained parameters alone, under their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from harness.errors import ModelError
from harness.models.part import Part

__all__ = ["GROUPS", "Learner", "LearnerSpec", "group_of", "padded"]

GROUPS = ("embeddings", "attention", "mlp", "norms", "head")
"""Groups of parameters that may be trained."""
HEAD_SCALE = 0.02
"""Standard deviation of a fresh class head."""


@dataclass(frozen=True)
class LearnerSpec:
    """The task and the trained parameters; plain data, as settings and public facts hold it."""

    task: Literal["classification", "language_modelling"] = "classification"
    classes: int = 0
    """Classes of a classification."""
    trained: tuple[str, ...] = GROUPS
    """Groups of parameters that are trained."""
    layers: tuple[int, ...] = ()
    """Blocks whose attention, feed-forward layers and norms are trained; empty: all."""
    rank: int = 0
    """Rank of low-rank adapters that are trained in place of the weights they are added to; 0: none."""
    targets: tuple[str, ...] = ()
    """Names of the linear layers that have adapters."""
    dropout: bool = False
    """Whether dropout is on while it is trained."""
    seed: int = 0
    """Seed of the fresh class head and of adapters."""

    def fields(self) -> dict[str, Any]:
        """As JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> LearnerSpec:
        """Inverse of :meth:`fields`."""
        values: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in fields.items()}
        return cls(**values)


def group_of(name: str) -> str:
    """The group of a parameter of a part or a learner, by its name."""
    if name.startswith(("embedding.", "part.embedding.")):
        return "embeddings"
    if name.startswith(("classifier.", "head.", "part.head.")):
        return "head"
    own = name.lower()
    if "norm" in own or ".ln_" in own or own.startswith(("final.", "part.final.")):
        return "norms"
    return "attention" if "att" in own else "mlp"


class Learner(nn.Module):
    """A part of a model with the head of a task: ``forward(ids [B, T], mask [B, T])`` gives class scores [B, C], or
    scores of the next token [B, T, V].

    Encoders are pooled by the mean over real tokens, whole causal models by their last real token (as
    ``AutoModelForSequenceClassification`` does); a causal model's class head has no bias. Where a causal part ends
    before the model's final norm, its states are normalised without parameters and their mean is taken: no token has
    read the whole text yet.

    Raises:
        ModelError: nothing is trained, an adapter's layer does not exist, or the part lacks what the task needs.
    """

    def __init__(self, part: Part, spec: LearnerSpec) -> None:
        super().__init__()
        self.spec = spec
        self.part = _copied(part, spec)
        if spec.rank:
            _add_adapters(self.part, spec)
        self.classifier: nn.Linear | None = None
        if spec.task == "classification":
            head = nn.Linear(part.hidden_size, spec.classes, bias=not part.causal)
            rng = torch.Generator().manual_seed(spec.seed)
            with torch.no_grad():
                head.weight.copy_(HEAD_SCALE * torch.randn(head.weight.shape, generator=rng))
                if not part.causal:
                    head.bias.zero_()
            self.classifier = head.requires_grad_("head" in spec.trained)
        elif part.head is None:
            raise ModelError("language modelling needs a part with the language-model head")
        if not self.state():
            raise ModelError(f"nothing is trained: no parameter is of {spec.trained} in blocks {spec.layers or 'all'}")
        self.eval()

    def train(self, mode: bool = True) -> Learner:
        """Training mode, in which dropout acts only where the spec has it on."""
        return super().train(mode and self.spec.dropout)

    def named_trained(self) -> dict[str, nn.Parameter]:
        """The trained parameters by name."""
        return {name: one for name, one in self.named_parameters() if one.requires_grad}

    def state(self) -> dict[str, Tensor]:
        """Copies of the trained parameters by name."""
        return {name: one.detach().clone() for name, one in self.named_trained().items()}

    @torch.no_grad()
    def load(self, values: Mapping[str, Any]) -> None:
        """Set trained parameters to ``values`` (name -> tensor); names that are not trained are left out.

        Raises:
            ModelError: a value has another shape than its parameter.
        """
        for name, parameter in self.named_trained().items():
            if name not in values:
                continue
            if tuple(values[name].shape) != tuple(parameter.shape):
                raise ModelError(f"{name} is {tuple(parameter.shape)}, the given value {tuple(values[name].shape)}")
            parameter.copy_(values[name].to(parameter))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Scores of classes or of next tokens."""
        full = bool(mask.all())
        states: Tensor = self.part(ids, mask=None if full else mask)
        return states if self.classifier is None else self.classifier(self.pooled(states, mask))

    def pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """One vector [B, d] of each text from its states [B, T, d]."""
        if self.part.causal and self.part.is_final:
            return states[torch.arange(len(states)), mask.long().sum(1) - 1]
        if self.part.causal:
            states = torch.nn.functional.layer_norm(states, states.shape[-1:])
        weights = mask.to(states.dtype).unsqueeze(-1)
        return (states * weights).sum(1) / weights.sum(1)

    def loss(self, batch: Sequence[Tensor]) -> Tensor:
        """Mean cross-entropy of a batch ``(ids [B, T], mask [B, T], labels [B])``: over texts, or over all tokens of
        the batch but the first of each text. Columns beyond the longest text are cut off.
        """
        ids, mask, labels = batch
        length = int(mask.long().sum(1).max())
        ids, mask = ids[:, :length], mask[:, :length]
        scores = self(ids, mask)
        if self.classifier is not None:
            return torch.nn.functional.cross_entropy(scores, labels)
        real = mask[:, 1:].bool()
        return torch.nn.functional.cross_entropy(scores[:, :-1][real], ids[:, 1:][real])


def padded(sequences: Sequence[Sequence[int]], length: int | None = None) -> tuple[Tensor, Tensor]:
    """Token ids [n, T] with zeros behind the end, and the mask [n, T] of real tokens."""
    width = max(map(len, sequences), default=1) if length is None else length
    ids = torch.zeros(len(sequences), width, dtype=torch.long)
    mask = torch.zeros(len(sequences), width, dtype=torch.bool)
    for row, known, tokens in zip(ids, mask, sequences, strict=True):
        row[: len(tokens)] = torch.tensor(list(tokens), dtype=torch.long)
        known[: len(tokens)] = True
    return ids, mask


def _copied(part: Part, spec: LearnerSpec) -> Part:
    """The part with trained parameters of its own and frozen ones that share its storage."""
    memo: dict[int, Any] = {}
    for name, parameter in part.named_parameters():
        trained = spec.rank == 0 and _is_trained(name, spec)
        value = parameter.detach().clone() if trained else parameter.detach()
        memo[id(parameter)] = nn.Parameter(value, requires_grad=trained)
    return deepcopy(part, memo)


def _is_trained(name: str, spec: LearnerSpec) -> bool:
    group = group_of(name)
    if group not in spec.trained:
        return False
    if spec.layers and name.startswith("blocks."):
        return int(name.split(".")[1]) in spec.layers
    return not (spec.layers and group == "norms")


def _add_adapters(part: Part, spec: LearnerSpec) -> None:
    """Low-rank adapters on the blocks' linear layers of the named kinds (Hu et al. 2022, section 4.1), by peft."""
    from peft import LoraConfig, inject_adapter_in_model

    layers = spec.layers or tuple(range(len(part.blocks)))
    names = [
        name
        for name, _ in part.named_modules()
        if name.startswith("blocks.") and name.rpartition(".")[2] in spec.targets and int(name.split(".")[1]) in layers
    ]
    if lacking := sorted(set(spec.targets) - {name.rpartition(".")[2] for name in names}):
        known = sorted({n.rpartition(".")[2] for n, m in part.named_modules() if hasattr(m, "weight")} - {""})
        raise ModelError(f"no layer is called {', '.join(lacking)}; this {part.family} model has {', '.join(known)}")
    config = LoraConfig(r=spec.rank, lora_alpha=2 * spec.rank, target_modules=names, lora_dropout=0.0)
    inject_adapter_in_model(config, part)
    rng = torch.Generator().manual_seed(spec.seed)
    with torch.no_grad():
        for name, parameter in part.named_parameters():
            if "lora_A" in name:  # the library's own draw takes no generator
                parameter.copy_((2 * torch.rand(parameter.shape, generator=rng) - 1) * (1 / parameter.shape[1]) ** 0.5)
            parameter.requires_grad_("lora_" in name)
