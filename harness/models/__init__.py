"""Hugging Face causal language models and encoders of the tested families, cut into parts after any block."""

from __future__ import annotations

from harness.models.branch import PrefixTree
from harness.models.families import FAMILIES
from harness.models.kvcache import KVCache
from harness.models.part import Part
from harness.models.resolve import cut_block, depth, model_hash, resolve
from harness.models.split import load_part, load_part_folder, part_folder
from harness.models.tokenizer import load_tokenizer

__all__ = [
    "FAMILIES",
    "KVCache",
    "Part",
    "PrefixTree",
    "cut_block",
    "depth",
    "load_part",
    "load_part_folder",
    "load_tokenizer",
    "model_hash",
    "part_folder",
    "resolve",
]
