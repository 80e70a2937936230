"""Gradients of batches of toy texts by tiny random models, as an attacker sees them, without running a protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.attack import (
    SERVER,
    Candidate,
    DefenseCard,
    GradientFacts,
    Kind,
    Message,
    PopulationFacts,
    Public,
    SeenMessage,
    Shadow,
)
from harness.data.record import Item
from harness.models.learner import Learner
from harness.models.split import public_part
from harness.models.tokens import load_tokens, tokenizer_folder
from harness.scenario.deployment import Deployment
from harness.scenario.secrets import BatchTextSecret
from harness.scenario.toy import toy_model, toy_records
from scenarios.gradient_sharing.build import assemble
from scenarios.gradient_sharing.model import inputs, make_learner
from scenarios.gradient_sharing.settings import Settings
from tests.stand_ins.absent import NoSessions

__all__ = ["GradientView", "deploy", "gradient_view", "scores_of", "toy_bert", "toy_llama"]


@dataclass
class GradientView(NoSessions):
    """See :class:`harness.attack.View`; ``through`` is the defense, tensor by tensor."""

    public: Public
    transcript: Sequence[SeenMessage]
    through: Callable[[Tensor], Tensor] = lambda x: x
    adaptive: bool = True
    device: str = "cpu"
    own: Mapping[str, Any] = field(default_factory=dict)
    candidates: Sequence[Candidate] = ()
    rng: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))
    defense: DefenseCard = field(default_factory=lambda: DefenseCard("test", {}, ""))

    def shadows(self, n: int | None = None) -> Sequence[Shadow]:
        return ()

    def others(self, candidate: str) -> Mapping[str, Sequence[Item]]:
        raise NotImplementedError

    def embed(self, texts: Sequence[str], encoder: Any = None) -> Tensor:
        raise NotImplementedError

    def defend(self, messages: Sequence[Message], *, repeats: int = 1, party: str | None = None) -> list[Message]:
        made = [m.replace(**{name: self.through(x) for name, x in m.tensors().items()}) for m in messages]
        return made * repeats


def deploy(folder: Path, **changes: object) -> Deployment:
    """A small deployment on the toy records, with some settings changed."""
    base = {
        "model": str(toy_llama(folder)),
        "data": "toy",
        "max_tokens": 12,
        "batch_size": 2,
        "clients": 3,
        "alpha": 5.0,
        "least": 4,
        "records": 15,
        "auxiliary": 15,
        "public": 4,
        "test": 4,
    }
    return assemble(Settings.model_validate(base | changes), list(toy_records()), ("toy",))


def toy_llama(folder: Path, hidden: int = 96) -> Path:
    """A random Llama of two blocks whose attention is not saturated, with the toy model's tokenizer."""
    import shutil

    from transformers import LlamaConfig, LlamaForCausalLM

    place = folder / f"toy-llama-{hidden}"
    if (place / "config.json").exists():
        return place
    base = toy_model(folder)
    place.mkdir(parents=True)
    for file in base.glob("*token*"):
        shutil.copyfile(file, place / file.name)
    config = LlamaConfig.from_pretrained(
        base,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        head_dim=hidden // 4,
        initializer_range=0.08,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(place)
    return place


def toy_bert(folder: Path, hidden: int = 96) -> Path:
    """A random BERT of two blocks that reads words, saved under ``folder`` once."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    place = folder / f"toy-bert-{hidden}"
    if (place / "config.json").exists():
        return place
    split = pre_tokenizers.Whitespace()
    words = sorted({word for r in toy_records() for word, _ in split.pre_tokenize_str(r.text)})
    names = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *words]
    engine = Tokenizer(models.WordLevel({word: n for n, word in enumerate(names)}, unk_token="[UNK]"))
    engine.pre_tokenizer = split
    engine.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    wrap: Any = PreTrainedTokenizerFast
    special = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    wrap(tokenizer_object=engine, **special).save_pretrained(place)
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=2 * hidden,
        max_position_embeddings=32,
        initializer_range=0.1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config, add_pooling_layer=False).save_pretrained(place)
    return place


def gradient_view(
    deployment: Deployment, through: Callable[[Tensor], Tensor] = lambda x: x, content: bool = True
) -> GradientView:
    """What the server sees of the first round; without ``content``, Gaussian noise of the same shapes and norms."""
    facts = deployment.public.need(GradientFacts)
    tokens = load_tokens(tokenizer_folder(facts.model))
    seen = []
    rng = torch.Generator().manual_seed(1)
    for party in deployment.public.need(PopulationFacts).parties:
        plan = deployment.parties[party]
        settings = plan.settings
        language = settings["learner"]["task"] == "language_modelling"
        learner: Learner = make_learner(public_part(facts.model, 0, facts.blocks, language), settings)
        records = plan.records[: settings["batch_size"]]
        ids, mask = inputs([record.text for record in records], tokens, settings)
        labels = torch.tensor([settings["labels"].index(str(record.label)) for record in records])
        learner.loss((ids, mask, labels)).backward()
        sent = {name: one.grad for name, one in learner.named_trained().items() if one.grad is not None}
        if not content:
            sent = {n: x.std(correction=0) * torch.randn(x.shape, generator=rng) for n, x in sent.items()}
        message = Message(Kind.GRADIENT, {name: through(x) for name, x in sent.items()})
        seen.append(SeenMessage(party, SERVER, message))
    return GradientView(deployment.public, seen, through)


def scores_of(deployment: Deployment, guess: Mapping[str, Any], metric: str = "exact_match") -> list[float]:
    """Values of one metric of the secret ``batch_texts``, text by text or sender by sender."""
    secret = deployment.secrets["batch_texts"]
    assert isinstance(secret, BatchTextSecret)
    return [float(s.value) for s in secret.score(guess) if s.metric == metric and s.value is not None]
