"""Hugging Face causal language models and encoders of the tested families, cut into parts after any block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.models.branch import PrefixTree
    from harness.models.families import FAMILIES, family_of
    from harness.models.kvcache import KVCache
    from harness.models.meter import Meter, MeteredPart
    from harness.models.part import Part
    from harness.models.refs import Encoder, PartRef
    from harness.models.resolve import cut_block, depth, model_hash
    from harness.models.split import load_part, load_part_folder, part_folder, public_part
    from harness.models.tokens import Tokens, load_tokenizer, load_tokens, tokenizer_folder

__all__ = [
    "FAMILIES",
    "Encoder",
    "KVCache",
    "Meter",
    "MeteredPart",
    "Part",
    "PartRef",
    "PrefixTree",
    "Tokens",
    "cut_block",
    "depth",
    "family_of",
    "load_part",
    "load_part_folder",
    "load_tokenizer",
    "load_tokens",
    "model_hash",
    "part_folder",
    "public_part",
    "tokenizer_folder",
]

_ROOMS = {
    "harness.models.branch": "PrefixTree",
    "harness.models.families": "FAMILIES family_of",
    "harness.models.kvcache": "KVCache",
    "harness.models.meter": "Meter MeteredPart",
    "harness.models.part": "Part",
    "harness.models.refs": "Encoder PartRef",
    "harness.models.resolve": "cut_block depth model_hash",
    "harness.models.split": "load_part load_part_folder part_folder public_part",
    "harness.models.tokens": "Tokens load_tokenizer load_tokens tokenizer_folder",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
