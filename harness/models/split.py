"""Part folders: one part's configuration and tensors on disk, all that a worker process is given of a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from harness.assets.cache import cache_root, fresh_folder, publish
from harness.errors import ModelError
from harness.models.build import Span, build_part, checkpoint_names
from harness.models.part import Part
from harness.models.resolve import model_hash, resolve
from harness.util.caching import single_flight

if TYPE_CHECKING:
    import torch

    from harness.models.part import Part

__all__ = ["load_part", "load_part_folder", "part_folder"]

_SPAN = "part.json"


def load_part(
    ref: str | Path,
    start: int,
    stop: int | None,
    *,
    head: bool = False,
    embed: bool = True,
    device: str = "cpu",
    dtype: torch.dtype | None = None,
) -> Part:
    """Blocks ``start .. stop - 1`` of a model, reading no other tensors.

    start 0 brings the embeddings (position and token-type embeddings and embedding norm included); an integer stop
    gives the raw residual stream; stop None goes to the last block and applies the final norm, and head=True the
    language-model head. ``(0, 0)`` is the embeddings alone, ``(n, None, head=True)`` final norm and head alone;
    embed=False leaves the embeddings out of a part from block 0, which then takes what ``(0, 0)`` gives.
    dtype defaults to float32. The part is in evaluation mode. Raises ModelError for an untested family, a model that
    cannot be found, or an impossible span.
    """
    import torch

    return build_part(resolve(ref), Span(start, stop, head, embed), device, dtype or torch.float32)


def part_folder(ref: str | Path, start: int, stop: int | None, head: bool = False, embed: bool = True) -> Path:
    """A cached folder with this part's tensors and the model's configuration, written once and atomically."""
    span = Span(start, stop, head, embed)
    target = cache_root() / "parts" / model_hash(ref)[:16] / span.name
    if target.is_dir():
        return target
    part = load_part(ref, start, stop, head=head, embed=embed)
    with fresh_folder(target) as folder:
        _write(part, folder, resolve(ref) / "config.json", span)
        publish(folder, target)
    return target


def _write(part: Part, folder: Path, config: Path, span: Span) -> None:
    from safetensors.torch import save_file

    names = checkpoint_names(part)
    tied = part.head is not None and len(part.embedding) and part.config.tie_word_embeddings
    tensors = {
        names[key][0]: one.contiguous()
        for key, one in part.state_dict().items()
        if not (tied and key.startswith("head."))
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(config, folder / "config.json")
    (folder / _SPAN).write_text(json.dumps(span.fields()), encoding="utf-8")


def load_part_folder(path: str | Path, *, device: str = "cpu", dtype: torch.dtype | None = None) -> Part:
    """The part that ``part_folder`` wrote; needs nothing but this folder. Raises ModelError where it is not one."""
    import torch

    folder = Path(path)
    if not (folder / _SPAN).is_file():
        raise ModelError(f"{folder} is no part folder (it has no {_SPAN}); make one with part_folder")
    span = Span(**json.loads((folder / _SPAN).read_text(encoding="utf-8")))
    return build_part(folder, span, device, dtype or torch.float32)


@single_flight(maxsize=16)
def public_part(model: str, start: int, stop: int | None, head: bool, embed: bool = True) -> Part:
    """A part of a public model, kept in memory between runs; its weights must not be changed."""
    return load_part(model, start, stop, head=head, embed=embed).requires_grad_(False)
