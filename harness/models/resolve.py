"""From a model's name to a local folder, and from a cut as people write it to a block number."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from harness.errors import ModelError

__all__ = ["cut_block", "depth", "model_hash", "resolve"]

_HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
# Written by the library that saved the model, not part of what the model computes.
_VOLATILE = ("transformers_version", "_name_or_path")


def resolve(ref: str | Path) -> Path:
    """The local folder of a model: an embedded model's name, an existing folder, or a hub name, tried in this order.

    Raises ModelError saying what was tried.
    """
    from harness.assets import MODELS, ensure_model

    name = str(ref)
    if name in MODELS:
        return ensure_model(name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.absolute()
    return _from_hub(name, list(MODELS))


def _from_hub(name: str, embedded: list[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    tried = f"{name!r} is no embedded model ({', '.join(embedded)}), no local folder"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "ON", "YES"}:
        tried += ", HF_HUB_OFFLINE is set so that only the hub's local cache was looked at"
    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES))
    except HFValidationError as error:
        raise ModelError(f"{tried}, and no valid hub name: {error}") from error
    except Exception as error:  # the hub client raises its own, HTTP, OS and value errors; all mean "not there"
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{tried}, and the model hub did not give it: {reason}") from error


def depth(ref: str | Path) -> int:
    """Number of transformer blocks of a model of a tested family."""
    from harness.models.build import read_config
    from harness.models.families import family_of

    config = read_config(resolve(ref))
    family_of(config)
    return int(config.num_hidden_layers)


def cut_block(ref: str | Path, cut: int | str) -> int:
    """Number of blocks before a cut: a number, "0", a percentage such as "25%", or "last" (all blocks but one).

    Percentages round half to even: of 30 blocks 25 %, 50 %, 75 % are 8, 15, 22. Raises ModelError for anything else.
    """
    blocks = depth(ref)
    text = str(cut).strip()
    if text == "last":
        return blocks - 1
    try:
        number = round(blocks * float(text[:-1]) / 100) if text.endswith("%") else int(text)
    except ValueError:
        raise ModelError(f"cut {cut!r} is no block number, percentage or 'last'") from None
    if not 0 <= number <= blocks:
        raise ModelError(f"cut {cut!r} is block {number} of a model with {blocks} blocks ({ref})")
    return number


def model_hash(ref: str | Path) -> str:
    """SHA-256 over a model's configuration and weights: its identity in keys and records.

    The configuration enters without the fields that name the software that wrote it; file hashes are remembered.
    """
    from harness.assets.cache import trusted_sha256
    from harness.models.weights import weight_files

    folder = resolve(ref)
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json; give a Hugging Face model folder or a model name")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for field in _VOLATILE:
        config.pop(field, None)
    lines = [json.dumps(config, sort_keys=True)]
    lines += [f"{path.name} {trusted_sha256(path)}" for path in weight_files(folder)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
