"""Typed public facts: all that a scenario may tell everybody about its messages, one class for each subject.

A deployment's public side carries a tuple of these; an attack asks for one by its class, with ``facts_of`` where it can
do without and ``need`` where it cannot. Transcripts of other systems are described by the same classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "EncoderFacts",
    "Facts",
    "FinetuneFacts",
    "GeneratorFacts",
    "GradientFacts",
    "LogitFacts",
    "ModelFacts",
    "PopulationFacts",
    "PrototypeFacts",
    "PublicTextFacts",
    "SplitFacts",
    "VoteFacts",
]


@dataclass(frozen=True)
class Facts:
    """Base of all public facts."""


@dataclass(frozen=True)
class PopulationFacts(Facts):
    """The parties and how records are divided among them."""

    parties: tuple[str, ...] = ()
    """Private parties whose secrets are asked for, in order; empty: not public."""
    labels: tuple[str, ...] = ()
    """Label set, in the order of logits' columns and of class numbers."""
    clients: int | None = None
    """Private parties, a curious one included; None: as many as ``parties``."""
    curious: str = ""
    """The private party that an adversary may have, if it is among ``parties``."""
    records: int | None = None
    """Private records of all parties together; None: not public."""
    partition: str | None = None
    """``dirichlet`` by label shares, or ``group``; None: not public."""
    alpha: float | None = None
    """Concentration of Dirichlet label shares."""
    topics: tuple[str, ...] = ()
    """Texts that the topics of records are called by; empty: no secret is about topics."""


@dataclass(frozen=True)
class PublicTextFacts(Facts):
    """Texts that everybody has: queries of knowledge distillation, training texts of a public generator."""

    texts: tuple[str, ...]
    labels: tuple[str, ...] | None = None
    """Their labels, where they are public, too."""


@dataclass(frozen=True)
class ModelFacts(Facts):
    """A public language model or encoder with its tokenizer, and how it is given texts; base of what it is for."""

    model: str
    """Name or folder of the model; its weights are public (the entry's entitlement)."""
    max_tokens: int = 0
    """Texts are truncated to this many tokens."""
    prefix: tuple[int, ...] = ()
    """Token ids before every text (at least the beginning-of-text token, if any)."""
    suffix: tuple[int, ...] = ()
    """Token ids after every text."""
    special_ids: frozenset[int] = frozenset()
    """Token ids that never occur in a private text and are not scored."""


@dataclass(frozen=True)
class SplitFacts(ModelFacts):
    """Split inference: HIDDEN or REPRESENTATION messages of one private party that runs the model's first blocks."""

    cut: int = 0
    """Messages carry the residual stream after this many blocks (0: what the first block is fed)."""
    pooled: bool = False
    """True when a message is one vector per text (mean over positions, then L2-normalised)."""
    depth: int = 0
    """Blocks of the whole model."""
    topology: str = ""
    """``head-tail`` or ``head-body-tail``."""


@dataclass(frozen=True)
class FinetuneFacts(SplitFacts):
    """Split fine-tuning of a classifier: HIDDEN, LOGITS and GRADIENT messages of one private party, batch by batch.

    The message of round ``t`` is about the records ``batches[t]``, in this order: of a HIDDEN or a GRADIENT of states,
    ``lengths`` says how many rows are each record's. Messages of later rounds are held-out texts, one in each. In
    head-tail the curious party has the class head, in head-body-tail the private party has. ``cut`` is where the blocks
    of the private party end that it trains from the public weights.
    """

    batches: tuple[tuple[str, ...], ...] = ()
    """Ids of the training records of every round; a record comes once in each epoch."""
    labels: tuple[str, ...] = ()
    """Label set; a label's position is its class number, and class 1 is what a guess about labels gives a score."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """Record id -> label of the few training records whose labels the attacker knows; they are never scored."""
    tail: int = 0
    """First block of the private tail; the number of all blocks where there is none."""


@dataclass(frozen=True)
class EncoderFacts(ModelFacts):
    """The frozen public encoder of texts that all parties use: mean over positions, then L2-normalised."""

    blocks: int | None = None
    """Blocks of it that are used; None: all."""


@dataclass(frozen=True)
class GeneratorFacts(ModelFacts):
    """The public generator of synthetic texts, and how it is asked: SYNTHETIC_TEXT, or PARAMETERS of adapters."""

    prompts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Party -> label -> prompt by which its generator is asked for a text of that label."""
    adapter_scale: float = 1.0
    """Factor of the product of low-rank adapters that is added to a layer's weight."""
    openings: Mapping[str, str] = field(default_factory=dict)
    """Canary id -> its ordinary beginning, which everybody may know."""


@dataclass(frozen=True)
class GradientFacts(ModelFacts):
    """Horizontal fine-tuning: GRADIENT of one batch, or PARAMETERS by which local training changed a model."""

    blocks: int | None = None
    """Blocks of the model that are used; None: all."""
    learner: Mapping[str, Any] = field(default_factory=dict)
    """The task and the trained parameters: fields of :class:`harness.models.learner.LearnerSpec`."""
    method: str = ""
    """``fedsgd``, ``fedavg`` or ``fedprox``."""
    rounds: int = 1
    attacked: tuple[int, ...] = (0,)
    """Rounds whose texts are secrets."""
    batch_size: int = 1
    batches: int = 1
    """Batches of a client in one round."""
    epochs: float = 1
    """Passes over them."""
    lr: float = 0.0
    """Learning rate of local training."""
    optimiser: str = ""
    """Optimiser of local training."""
    precision: str = "fp32"
    """Numbers of a message: ``fp32`` or ``bf16``."""
    summed: bool = False
    """Whether secure aggregation hides single clients."""


@dataclass(frozen=True)
class LogitFacts(Facts):
    """Logits about the public texts, in their order, and whatever an active server adds to them."""

    method: str = ""
    rounds: int = 1
    models: tuple[str, ...] = ()
    """Kinds of the parties' models, in turn."""
    digest: str = ""
    """Loss of a party's answers towards those of others."""
    temperature: float = 1.0
    ensemble: str = ""
    """What weighs edges' logits, where there are edges."""
    edges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Edge -> the parties behind it; empty: they talk to the server."""


@dataclass(frozen=True)
class PrototypeFacts(Facts):
    """Class means of features."""

    method: str = ""
    rounds: int = 1
    features: str = ""
    """``frozen`` (embeddings themselves), or what is trained on them."""
    width: int = 0
    """Dimensions of a prototype; 0: not public."""
    weighting: str = ""
    """Weights of the parties in a global prototype: ``weighted`` (by counts, which are then sent) or equal ones."""
    pull: float = 0.0
    """Weight of the distance to global prototypes in local training."""
    margin: str = ""
    """Rule of the margin between global prototypes in the server's training; empty: it has none."""


@dataclass(frozen=True)
class VoteFacts(Facts):
    """The voting rule of private records."""

    weights: tuple[float, ...]
    """Votes of one record for the nearest, second nearest, ... text (or the farthest)."""
    by_class: bool = True
    """Whether a record votes among the texts of its own class alone."""
