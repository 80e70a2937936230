"""Tokenizers as a worker gets them: one small folder without weights, read by the ``tokenizers`` library alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import ModelError
from harness.models.resolve import resolve
from harness.util.caching import single_flight
from harness.util.quiet import quiet

__all__ = ["Tokens", "load_tokens", "tokenizer_folder"]

_FACTS = "special.json"


@dataclass(frozen=True)
class Tokens:
    """A tokenizer without its model's extras: no special tokens are ever added by :meth:`encode`."""

    engine: Any
    prefix: tuple[int, ...]
    """What the model expects before a text (beginning-of-text or [CLS]); may be empty."""
    suffix: tuple[int, ...]
    """What it expects after a text ([SEP] for encoders); mostly empty."""
    special_ids: frozenset[int]
    """Ids that stand for no text."""

    def encode(self, text: str) -> list[int]:
        """Token ids of ``text``."""
        ids: list[int] = self.engine.encode(text, add_special_tokens=False).ids
        return ids

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character range of each token of ``text``."""
        return [(int(a), int(b)) for a, b in self.engine.encode(text, add_special_tokens=False).offsets]

    def decode(self, ids: list[int]) -> str:
        """Text of token ids, special tokens left out."""
        text: str = self.engine.decode(ids, skip_special_tokens=True)
        return text


@single_flight(maxsize=32)
def tokenizer_folder(ref: str) -> Path:
    """A cached folder with the tokenizer of model ``ref`` and nothing else; made once, atomically."""
    from harness.assets.cache import cache_root, fresh_folder, publish
    from harness.models.resolve import model_hash

    target = cache_root() / "tokenizers" / model_hash(ref)[:16]
    if not target.is_dir():
        with fresh_folder(target) as folder:
            _write(ref, folder)
            publish(folder, target)
    return target


@single_flight(maxsize=8)
def load_tokens(folder: str | Path) -> Tokens:
    """The tokenizer in a folder made by :func:`tokenizer_folder`; :class:`ModelError` if it is none."""
    from tokenizers import Tokenizer

    path = Path(folder)
    if not (path / _FACTS).exists():
        raise ModelError(f"{path} is no tokenizer folder; make one with harness.models.tokens.tokenizer_folder")
    facts = json.loads((path / _FACTS).read_text())
    engine = Tokenizer.from_file(str(path / "tokenizer.json"))
    engine.no_padding()
    engine.no_truncation()
    return Tokens(engine, tuple(facts["prefix"]), tuple(facts["suffix"]), frozenset(facts["special_ids"]))


def _write(ref: str, folder: Path) -> None:
    tokenizer = load_tokenizer(ref)
    around = tokenizer("x")["input_ids"]
    bare = tokenizer("x", add_special_tokens=False)["input_ids"]
    start = next(i for i in range(len(around)) if around[i : i + len(bare)] == bare)
    prefix = list(around[:start])
    if not prefix and tokenizer.bos_token_id is not None:
        prefix = [int(tokenizer.bos_token_id)]
    facts = {"prefix": prefix, "suffix": list(around[start + len(bare) :])}
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    facts["special_ids"] = sorted(int(i) for i in tokenizer.all_special_ids)
    (folder / _FACTS).write_text(json.dumps(facts))


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
        with quiet("transformers"):
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} holds no tokenizer that can be read: {error}") from error
    if not tokenizer.is_fast:
        raise ModelError(f"{folder} holds only a slow tokenizer; add its tokenizer.json")
    return tokenizer
