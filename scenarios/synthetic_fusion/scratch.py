"""Generators: a model by name, or a small one trained from scratch on public text, never to be called pretrained.

A scratch model is made once per machine and set of texts, and kept in the cache folder like a fetched model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.scenario import Record, SuiteError, derive, numpy_generator, torch_generator
from scenarios.common.plans import Axes
from scenarios.synthetic_fusion.prompts import listing
from scenarios.synthetic_fusion.settings import SCRATCH, Settings

__all__ = ["Scratch", "generator_of", "scratch_model"]


@dataclass(frozen=True)
class Scratch:
    """Size and training of the model."""

    vocabulary: int = 1024
    hidden: int = 96
    blocks: int = 2
    context: int = 96
    epochs: float = 4.0
    batch: int = 16
    lr: float = 3e-3
    version: int = 1


def generator_of(settings: Settings, public: Sequence[Record], axes: Axes) -> str:
    """Reference of the generator's model; a scratch model is trained on the public texts first, once per machine.

    Raises:
        SuiteError: a scratch generator without public texts, or unknown sizes of it.
    """
    if settings.generator != SCRATCH:
        return settings.generator
    problems = [] if public else ["a scratch generator needs public texts: raise public"]
    problems += [f"scratch.{name}: unknown" for name in settings.scratch if name not in Scratch.__dataclass_fields__]
    if problems:
        raise SuiteError("; ".join(problems))
    whole = {f.name for f in fields(Scratch) if f.type == "int"}
    sizes: dict[str, Any] = {k: int(v) if k in whole else v for k, v in settings.scratch.items()}
    size = Scratch(**sizes)
    rng = numpy_generator("public labels", *axes)
    labels = sorted(settings.prefixes)
    marks = [str(r.label) if settings.labelled_public else labels[int(rng.integers(len(labels)))] for r in public]
    lines = [
        f"{listing('', settings.prefixes, (), m)} {' '.join(r.text.split())}"
        for r, m in zip(public, marks, strict=True)
    ]
    seed = derive("scratch", *axes)
    return str(scratch_model(lines, size, torch_generator("scratch", *axes), seed))


def scratch_model(lines: Sequence[str], size: Scratch, generator: torch.Generator, seed: int) -> Path:
    """Folder of a Llama-style causal model trained on ``lines`` packed in order, with its own byte-level BPE tokenizer.

    ``seed`` names the draws of ``generator`` in the key of the cache.
    """
    from harness.scenario import cache_root, fresh_folder, publish

    named = json.dumps([list(lines), asdict(size), seed])
    target = cache_root() / "scratch" / hashlib.sha256(named.encode()).hexdigest()[:24]
    if not target.is_dir():
        with fresh_folder(target) as folder:
            _make(lines, size, generator, folder)
            publish(folder, target)
    return target


def _make(lines: Sequence[str], size: Scratch, generator: torch.Generator, folder: Path) -> None:
    from harness.scenario import Meter, TrainingPlan, train

    engine = _tokenizer(lines, size, folder)
    model = _model(size, engine.get_vocab_size(), generator)
    stream = [0] + [token for line in lines for token in engine.encode(line + "\n").ids]
    rows = len(stream) // size.context
    data = torch.tensor(stream[: rows * size.context]).view(rows, size.context)
    plan = TrainingPlan((data,), size.epochs, size.batch, size.lr)
    train(model, _loss, plan, generator, Meter())
    model.save_pretrained(folder)


def _loss(model: Any, batch: tuple[Tensor, ...]) -> Tensor:
    logits = model(input_ids=batch[0]).logits
    return nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), batch[0][:, 1:].flatten())


def _tokenizer(lines: Sequence[str], size: Scratch, folder: Path) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size.vocabulary, special_tokens=["<s>"], initial_alphabet=alphabet, show_progress=False
    )
    engine.train_from_iterator(lines, trainer)
    wrap: Any = PreTrainedTokenizerFast
    wrap(tokenizer_object=engine, bos_token="<s>").save_pretrained(folder)
    return engine


def _model(size: Scratch, vocabulary: int, generator: torch.Generator) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=size.hidden,
        intermediate_size=3 * size.hidden,
        num_hidden_layers=size.blocks,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 1:
                weight.fill_(1.0)
            else:
                scale = 0.02 if "embed" in name else weight.shape[1] ** -0.5
                weight.copy_(torch.randn(weight.shape, generator=generator) * scale)
    return model
