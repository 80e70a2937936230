"""Reading single tensors from a model folder's safetensors files, sharded or not, without loading the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import ModelError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["read_tensors", "tensor_files", "weight_files"]

_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder, in name order.

    Raises ModelError where there are none (pickled weights are never read) or where the index names a missing shard.
    """
    if (folder / _SINGLE).is_file():
        return [folder / _SINGLE]
    if not (folder / _INDEX).is_file():
        raise ModelError(
            f"{folder} has neither {_SINGLE} nor {_INDEX}; only safetensors are read (never pickles): "
            "convert the model with save_pretrained first"
        )
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    files = [folder / name for name in sorted(set(index["weight_map"].values()))]
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        raise ModelError(f"{folder}: the weight index names missing files: {', '.join(missing)}; fetch the model again")
    return files


def tensor_files(folder: Path) -> dict[str, Path]:
    """Tensor name -> the file that holds it."""
    from safetensors import SafetensorError, safe_open

    where: dict[str, Path] = {}
    for path in weight_files(folder):
        try:
            with safe_open(path, framework="pt") as file:
                where.update(dict.fromkeys(file.keys(), path))
        except SafetensorError as error:
            raise ModelError(f"{path} is not a whole safetensors file ({error}); fetch the model again") from error
    return where


def _found(aliases: Iterable[str], where: dict[str, Path]) -> str | None:
    for alias in aliases:
        # Checkpoints from before 2019 call a layer norm's weight and bias gamma and beta.
        legacy = alias.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        for name in (alias, legacy):
            if name in where:
                return name
    return None


def read_tensors(folder: Path, wanted: dict[str, tuple[str, ...]], dtype: torch.dtype) -> dict[str, Tensor]:
    """Read the wanted tensors alone: own key -> names to try in the checkpoint, the first present one wins.

    Floating tensors are converted to ``dtype``. Raises ModelError listing every key of which no name is present.
    """
    from safetensors import safe_open

    where = tensor_files(folder)
    stored_names = {key: _found(aliases, where) for key, aliases in wanted.items()}
    missing = [wanted[key][0] for key, name in stored_names.items() if name is None]
    if missing:
        raise ModelError(f"{folder} lacks {len(missing)} tensors of this part: {', '.join(missing[:8])}")
    out: dict[str, Tensor] = {}
    with ExitStack() as stack:
        files = {p: stack.enter_context(safe_open(p, framework="pt")) for p in sorted(set(where.values()))}
        for key, name in stored_names.items():
            assert name is not None
            tensor = files[where[name]].get_tensor(name)
            out[key] = tensor.to(dtype) if tensor.is_floating_point() else tensor
    return out
