"""Sentence embeddings by frozen public encoders, each text encoded once: shared by parties, runs and shadow runs.

Only public encoders are cached, and nothing about a submission: an embedding follows from the encoder and the text.
FLOPs are charged by formula whether or not a text was found in the cache, so costs do not depend on its state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from harness.errors import ModelError
from harness.models.refs import Encoder
from harness.models.tokens import Tokens, load_tokens, tokenizer_folder
from harness.util.caching import single_flight

if TYPE_CHECKING:
    from harness.models.part import Part

__all__ = ["EmbeddingCache", "digest", "embed", "encode", "load_embeddings", "save_embeddings", "stack", "vectors"]

BATCH = 32
Row = tuple[Tensor, int]
"""A vector [d] and the FLOPs that its text costs."""


def digest(text: str) -> str:
    """Identity of an exact text: 32 hexadecimal digits of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Last bits depend on how many threads share a product, and an embedding must not depend on who made it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.inference_mode()
def encode(part: Part, tokens: Tokens, texts: Sequence[str], max_tokens: int) -> list[Row]:
    """Mean-pooled, L2-normalised states of each text with its FLOPs.

    Texts of equal length share a batch, without padding: no vector depends on which texts were beside it.

    Raises:
        ModelError: a text has no tokens.
    """
    ids = [[*tokens.prefix, *tokens.encode(text)[:max_tokens], *tokens.suffix] for text in texts]
    if empty := [text for text, one in zip(texts, ids, strict=True) if not one]:
        raise ModelError(f"{len(empty)} texts have no tokens, such as {empty[0]!r}")
    lengths: dict[int, list[int]] = {}
    for index, sequence in enumerate(ids):
        lengths.setdefault(len(sequence), []).append(index)
    rows: list[Row | None] = [None] * len(texts)
    with _one_thread():
        for length, places in lengths.items():
            flops = part.flops(length)
            for start in range(0, len(places), BATCH):
                some = places[start : start + BATCH]
                # Of a single short text some processors' kernels make other last bits than of one among several.
                shown = some * 2 if len(some) == 1 else some
                states = part(torch.tensor([ids[i] for i in shown]))[: len(some)]
                for i, row in zip(some, torch.nn.functional.normalize(states.mean(1), dim=-1), strict=True):
                    rows[i] = (row.clone(), flops)
    return [row for row in rows if row is not None]


@dataclass
class EmbeddingCache:
    """Embeddings of one encoder, in memory and on disk; safe to share between threads."""

    encoder: Encoder
    folder: Path
    encoded: int = 0
    """Texts that were really run through the encoder."""
    asked: int = 0
    """Texts that were asked for."""
    _rows: dict[str, Row] = field(default_factory=dict)
    _blocks: dict[str, Path] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def __post_init__(self) -> None:
        for index in sorted(self.folder.glob("*.json")):
            self._blocks |= dict.fromkeys(json.loads(index.read_text()), index.with_suffix(".safetensors"))

    def rows(self, texts: Sequence[str]) -> list[Row]:
        """One row per text, made once."""
        names = [digest(text) for text in texts]
        with self._lock:
            self.asked += len(texts)
            self._read({n for n in names if n not in self._rows})
            missing = {n: text for n, text in zip(names, texts, strict=True) if n not in self._rows}
            if missing:
                self._make(missing)
            return [self._rows[name] for name in names]

    def _read(self, names: Iterable[str]) -> None:
        for path in sorted({self._blocks[n] for n in names if n in self._blocks}):
            self._rows |= load_embeddings(path)

    def _make(self, missing: Mapping[str, str]) -> None:
        from harness.models.split import load_part

        ref = self.encoder.part
        part = load_part(ref.model, ref.start, ref.stop).requires_grad_(False)
        tokens = load_tokens(tokenizer_folder(ref.model))
        fresh = dict(zip(missing, encode(part, tokens, list(missing.values()), self.encoder.max_tokens), strict=True))
        self.encoded += len(fresh)
        self._rows |= fresh
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{digest(''.join(sorted(fresh)))}.safetensors"
        save_embeddings(fresh, path)


def save_embeddings(rows: Mapping[str, Row], path: Path) -> None:
    """Write rows by name, atomically; the index beside them comes last."""
    from safetensors.torch import save

    from harness.assets.cache import write_text
    from harness.store.atomic import write_file

    vectors = torch.stack([vector for vector, _ in rows.values()])
    flops = torch.tensor([count for _, count in rows.values()])
    write_file(path, save({"vectors": vectors, "flops": flops}))
    write_text(path.with_suffix(".json"), json.dumps(list(rows)))


def load_embeddings(path: Path) -> dict[str, Row]:
    """Read a file of :func:`save_embeddings`."""
    from safetensors.torch import load

    tensors = load(path.read_bytes())
    names = json.loads(path.with_suffix(".json").read_text())
    return {n: (v, int(f)) for n, v, f in zip(names, tensors["vectors"], tensors["flops"], strict=True)}


@single_flight(maxsize=8)
def _features(encoder: Encoder, model: str) -> EmbeddingCache:
    from harness.assets.cache import cache_root

    ref = encoder.part
    span = f"{ref.start}-{'end' if ref.stop is None else ref.stop}-{encoder.max_tokens}"
    return EmbeddingCache(encoder, cache_root() / "embeddings" / model[:16] / span)


def vectors(encoder: Encoder) -> EmbeddingCache:
    """The shared embeddings of an encoder."""
    from harness.models.resolve import model_hash

    return _features(encoder, model_hash(encoder.part.model))


def embed(encoder: Encoder, texts: Sequence[str]) -> Tensor:
    """Embeddings [n, d] of public or own texts, each computed once per machine."""
    return stack(vectors(encoder).rows(texts))


def stack(rows: Sequence[Row]) -> Tensor:
    """Vectors [n, d] of rows; of no rows [0, 0]."""
    return torch.stack([vector for vector, _ in rows]) if rows else torch.zeros(0, 0)
