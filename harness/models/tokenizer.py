"""A model's tokenizer, and a folder that holds the tokenizer without the weights."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from harness.assets.store import cache_root, fresh_folder, publish
from harness.errors import ModelError
from harness.models.build import quiet
from harness.models.resolve import model_hash, resolve

__all__ = ["load_tokenizer", "tokenizer_folder"]


def load_tokenizer(ref: str | Path) -> Any:
    """The fast tokenizer of a model reference or of a folder that ``tokenizer_folder`` wrote.

    Raises ModelError where the folder holds none, or only one without character offsets.
    """
    from transformers import AutoTokenizer

    folder = resolve(ref)
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} holds no tokenizer that can be read: {error}") from error
    if not tokenizer.is_fast:
        raise ModelError(f"{folder} holds only a slow tokenizer; add its tokenizer.json")
    return tokenizer


def tokenizer_folder(ref: str | Path) -> Path:
    """A cached folder with a model's tokenizer and configuration but no weights, written once and atomically."""
    target = cache_root() / "parts" / model_hash(ref)[:16] / "tokenizer"
    if target.is_dir():
        return target
    source = resolve(ref)
    tokenizer = load_tokenizer(source)
    with fresh_folder(target) as folder:
        tokenizer.save_pretrained(folder)
        # Some tokenizers are chosen by the model's architecture, which stands in this file alone.
        shutil.copyfile(source / "config.json", folder / "config.json")
        publish(folder, target)
    return target
