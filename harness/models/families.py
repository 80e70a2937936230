"""The tested architectures: where each keeps its embeddings, blocks, final norm and head, and how a block is called.

One row per family. Adding one means a row here and the tests of tests/harness/models passing for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from harness.errors import ModelError

__all__ = ["FAMILIES", "Family", "Step", "family_of", "window"]


@dataclass(frozen=True)
class Step:
    """Everything that the blocks of one forward pass share."""

    cache: Any = None
    mask: Tensor | None = None
    rope: tuple[Tensor, Tensor] | None = None
    alibi: Tensor | None = None
    branch: Any = None


Embed = Callable[[nn.ModuleDict, Tensor, Tensor], Tensor]
RunBlock = Callable[[nn.Module, Tensor, Step], Tensor]


@dataclass(frozen=True)
class Family:
    """One architecture: module names inside the Hugging Face class, checkpoint prefixes, and two short functions.

    ``embed(modules, token_embeddings [B, T, d], positions [B or 1, T])`` gives what the first block is fed;
    ``run(block, hidden [B, T, d], step)`` runs one block. ``table`` names the token embedding.
    """

    name: str
    causal: bool
    base: str
    prefixes: tuple[str, ...]
    blocks: str
    embedding: tuple[str, ...]
    table: str
    final: tuple[str, ...]
    embed: Embed
    run: RunBlock
    rope: bool = False
    alibi: bool = False


def _only_tokens(modules: nn.ModuleDict, tokens: Tensor, positions: Tensor) -> Tensor:
    return tokens


def _gpt2_embed(modules: nn.ModuleDict, tokens: Tensor, positions: Tensor) -> Tensor:
    return _tensor(modules["drop"](tokens + modules["wpe"](positions)))


def _bloom_embed(modules: nn.ModuleDict, tokens: Tensor, positions: Tensor) -> Tensor:
    return _tensor(modules["word_embeddings_layernorm"](tokens))


def _opt_embed(modules: nn.ModuleDict, tokens: Tensor, positions: Tensor) -> Tensor:
    if "project_in" in modules:
        tokens = _tensor(modules["project_in"](tokens))
    return tokens + _tensor(modules["embed_positions"](None, 0, position_ids=positions))


def _bert_embed(modules: nn.ModuleDict, tokens: Tensor, positions: Tensor) -> Tensor:
    positions = positions.expand(tokens.shape[0], -1)
    kinds = torch.zeros_like(positions)
    return _tensor(modules["embeddings"](token_type_ids=kinds, position_ids=positions, inputs_embeds=tokens))


def _roberta_embed(modules: nn.ModuleDict, tokens: Tensor, positions: Tensor) -> Tensor:
    padding: Any = modules["embeddings"].padding_idx
    return _bert_embed(modules, tokens, positions + (padding + 1))


@cache
def _cache_name(forward: Callable[..., Any]) -> str:
    """The name that a kind of block has for its cache; transformers has changed it more than once."""
    taken = inspect.signature(forward).parameters
    name = next((one for one in ("cache", "past_key_values", "layer_past") if one in taken), None)
    if name is None:
        raise ModelError(
            f"{forward.__qualname__} takes no key/value cache by a name known here (it takes {', '.join(taken)}); "
            "install a transformers release that leakboard was tested with (see pyproject.toml)"
        )
    return name


def _cached(block: nn.Module, step: Step) -> dict[str, Any]:
    return {_cache_name(type(block).forward): step.cache}


def _llama_run(block: nn.Module, hidden: Tensor, step: Step) -> Tensor:
    shared = {"attention_mask": step.mask, "position_embeddings": step.rope, "branch": step.branch}
    return _tensor(block(hidden, **shared, **_cached(block, step)))


def _plain_run(block: nn.Module, hidden: Tensor, step: Step) -> Tensor:
    return _tensor(block(hidden, attention_mask=step.mask, branch=step.branch, **_cached(block, step)))


def _bloom_run(block: nn.Module, hidden: Tensor, step: Step) -> Tensor:
    return _tensor(block(hidden, alibi=step.alibi, attention_mask=step.mask, **_cached(block, step))[0])


def _bert_run(block: nn.Module, hidden: Tensor, step: Step) -> Tensor:
    return _tensor(block(hidden, step.mask))


def _tensor(value: Any) -> Tensor:
    assert isinstance(value, Tensor), f"a block returned {type(value).__name__}"
    return value


def _llama_like(name: str) -> Family:
    return Family(
        name=name,
        causal=True,
        base="model",
        prefixes=("model.", ""),
        blocks="layers",
        embedding=("embed_tokens",),
        table="embed_tokens",
        final=("norm",),
        embed=_only_tokens,
        run=_llama_run,
        rope=True,
    )


def _bert_like(name: str, embed: Embed) -> Family:
    return Family(
        name=name,
        causal=False,
        base="",
        prefixes=("", f"{name}."),
        blocks="encoder.layer",
        embedding=("embeddings",),
        table="embeddings.word_embeddings",
        final=(),
        embed=embed,
        run=_bert_run,
    )


_GPT2 = Family(
    name="gpt2",
    causal=True,
    base="transformer",
    prefixes=("transformer.", ""),
    blocks="h",
    embedding=("wte", "wpe", "drop"),
    table="wte",
    final=("ln_f",),
    embed=_gpt2_embed,
    run=_plain_run,
)

_BLOOM = Family(
    name="bloom",
    causal=True,
    base="transformer",
    prefixes=("transformer.", ""),
    blocks="h",
    embedding=("word_embeddings", "word_embeddings_layernorm"),
    table="word_embeddings",
    final=("ln_f",),
    embed=_bloom_embed,
    run=_bloom_run,
    alibi=True,
)

_OPT = Family(
    name="opt",
    causal=True,
    base="model.decoder",
    prefixes=("model.decoder.", "decoder."),
    blocks="layers",
    embedding=("embed_tokens", "embed_positions", "project_in"),
    table="embed_tokens",
    final=("final_layer_norm", "project_out"),
    embed=_opt_embed,
    run=_plain_run,
)

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        _GPT2,
        _llama_like("llama"),
        _llama_like("mistral"),
        _llama_like("qwen2"),
        _llama_like("glm"),
        _BLOOM,
        _OPT,
        _bert_like("bert", _bert_embed),
        _bert_like("roberta", _roberta_embed),
    )
}


def family_of(config: Any) -> Family:
    """The family of a transformers configuration; ModelError for one that is not tested here."""
    family = FAMILIES.get(config.model_type)
    if family is None:
        raise ModelError(
            f"model family {config.model_type!r} is not among the tested ones ({', '.join(sorted(FAMILIES))}); "
            "choose a model of a tested family, or add a row to harness/models/families.py and its tests"
        )
    if getattr(config, "is_decoder", False) and not family.causal:
        raise ModelError(f"a {family.name} model configured as a decoder is not supported; use an encoder")
    return family


def window(config: Any, block: int) -> int | None:
    """Number of latest positions that a query of this block sees (sliding-window attention); None = all of them."""
    kinds = getattr(config, "layer_types", None)
    if kinds is not None and kinds[block] != "sliding_attention":
        return None
    return getattr(config, "sliding_window", None)
