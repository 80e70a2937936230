"""A model's tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import ModelError
from harness.models.build import quiet
from harness.models.resolve import resolve

__all__ = ["load_tokenizer"]


_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model", "spiece.model")


def load_tokenizer(ref: str | Path) -> Any:
    """The fast tokenizer of a model reference.

    Raises ModelError where the folder holds none, or only one without character offsets.
    """
    from transformers import AutoTokenizer

    folder = resolve(ref)
    # Checked first: without any of these files a tokenizer with an empty vocabulary would be made.
    if not any((folder / name).is_file() for name in _FILES):
        raise ModelError(f"{folder} holds no tokenizer (none of {', '.join(_FILES)})")
    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} holds no tokenizer that can be read: {error}") from error
    if not tokenizer.is_fast:
        raise ModelError(f"{folder} holds only a slow tokenizer; add its tokenizer.json")
    return tokenizer
