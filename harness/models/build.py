"""Building a part from a model folder: empty modules first, then this part's tensors and no others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.errors import ModelError
from harness.models.attention import NAME, attend
from harness.models.families import Family, family_of
from harness.models.part import Part
from harness.models.weights import read_tensors
from harness.util.quiet import quiet

__all__ = ["Span", "build_part", "checkpoint_names", "empty_part", "read_config"]


@dataclass(frozen=True)
class Span:
    """A part of a model: blocks ``start .. stop - 1``; stop None = to the end, with the final norm.

    ``head``: with the language-model head. ``embed``: whether a part from block 0 brings the embeddings.
    """

    start: int
    stop: int | None
    head: bool = False
    embed: bool = True

    @property
    def name(self) -> str:
        """A folder name for it, such as ``0-8`` or ``8-end-head``."""
        end = "end" if self.stop is None else str(self.stop)
        bare = "-bare" if self.start == 0 and not self.embed else ""
        return f"{self.start}-{end}{'-head' if self.head else ''}{bare}"

    def fields(self) -> dict[str, Any]:
        """As keyword arguments, for a JSON file."""
        return asdict(self)


def read_config(folder: Path) -> Any:
    """The transformers configuration of a local folder; ModelError where it has none."""
    from transformers import AutoConfig

    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json; give a Hugging Face model folder or a model name")
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except (ValueError, KeyError, OSError) as error:
        raise ModelError(f"{folder / 'config.json'} is not a configuration that is understood: {error}") from error


def build_part(folder: Path, span: Span, device: str | torch.device, dtype: torch.dtype) -> Part:
    """One part of the model in ``folder``.

    Raises ModelError for an untested family, an impossible span, or missing tensors.
    """
    part = empty_part(read_config(folder), span)
    tensors = read_tensors(folder, checkpoint_names(part), dtype)
    part.load_state_dict(tensors, strict=False, assign=True)
    _tie(part)
    left = [name for name, one in part.state_dict().items() if one.is_meta]
    assert not left, f"not filled: {left}"
    return part.to(device)


def empty_part(config: Any, span: Span) -> Part:
    """The modules of a part, its parameters without storage (on the meta device)."""
    family = family_of(config)
    depth = int(config.num_hidden_layers)
    _check_span(family, depth, span)
    base, lm_head = _skeleton(config, family)
    start, end = span.start, depth if span.stop is None else span.stop
    modules = {
        "embedding": _pick(base, family.embedding) if start == 0 and span.embed else {},
        # A ModuleList, which get_submodule declares as a module.
        "blocks": list(base.get_submodule(family.blocks))[start:end],  # type: ignore[call-overload]
        "final": _pick(base, family.final) if span.stop is None else {},
        "head": lm_head if span.head else None,
    }
    _drop_unused_buffers(modules["embedding"])
    # Built anew: its frequencies are computed, not stored, and the skeleton's copy has no storage.
    rotary = type(base.get_submodule("rotary_emb"))(config=config) if family.rope and end > start else None
    return Part(family, config, (start, end, span.stop is None), modules, rotary)


def checkpoint_names(part: Part) -> dict[str, tuple[str, ...]]:
    """Own parameter name -> its possible names in a whole model's checkpoint (and, last, in a part folder)."""
    names: dict[str, tuple[str, ...]] = {}
    for key in part.state_dict():
        group, _, rest = key.partition(".")
        if group == "blocks":
            index, _, tail = rest.partition(".")
            rest = f"{part.spec.blocks}.{part.start + int(index)}.{tail}"
        if group == "head":
            names[key] = _head_names(part, rest)
        else:
            names[key] = tuple(prefix + rest for prefix in part.spec.prefixes)
    return names


def _head_names(part: Part, rest: str) -> tuple[str, ...]:
    own = (f"lm_head.{rest}",)
    if not part.config.tie_word_embeddings:
        return own
    return own + tuple(f"{prefix}{part.spec.table}.{rest}" for prefix in part.spec.prefixes)


def _tie(part: Part) -> None:
    if part.head is not None and len(part.embedding) and part.config.tie_word_embeddings:
        part.head.weight = part.embedding.get_submodule(part.spec.table).weight


def _check_span(family: Family, depth: int, span: Span) -> None:
    end = depth if span.stop is None else span.stop
    problems = []
    if not 0 <= span.start <= end <= depth:
        problems.append(f"blocks {span.start}..{end} of a model with {depth}")
    if span.head and span.stop is not None:
        problems.append("a head without the last blocks; head=True needs stop=None")
    if span.head and not family.causal:
        problems.append(f"a language-model head of the encoder family {family.name}")
    if problems:
        raise ModelError("impossible part: " + "; ".join(problems))


def _skeleton(config: Any, family: Family) -> tuple[nn.Module, nn.Module | None]:
    import transformers
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    auto: Any = transformers.AutoModelForCausalLM if family.causal else transformers.AutoModel
    ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
    with torch.device("meta"), quiet("transformers"):
        model = auto.from_config(config) if family.causal else auto.from_config(config, add_pooling_layer=False)
    # Set afterwards: the constructor accepts only names it has mask builders for.
    for module in model.modules():
        if hasattr(module, "config"):
            module.config._attn_implementation = NAME
    config._attn_implementation = NAME
    return model.get_submodule(family.base), getattr(model, "lm_head", None)


def _pick(base: nn.Module, names: tuple[str, ...]) -> dict[str, nn.Module]:
    modules = {name: getattr(base, name, None) for name in names}
    return {name: module for name, module in modules.items() if module is not None}


def _drop_unused_buffers(modules: dict[str, nn.Module]) -> None:
    # Default position and token-type ids of encoders: always passed explicitly, so they need no storage.
    for root in modules.values():
        for module in root.modules():
            for name in ("position_ids", "token_type_ids"):
                module._buffers.pop(name, None)
