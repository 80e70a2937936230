"""The generator trained from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from harness.models import load_part
from harness.models.tokens import load_tokens, tokenizer_folder
from scenarios.synthetic_fusion.generation import Writer
from scenarios.synthetic_fusion.scratch import Scratch, scratch_model

if TYPE_CHECKING:
    import pytest


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_scratch_model_learns_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKBOARD_CACHE", str(tmp_path))
    lines = ["Bank: your card was charged", "Friend: meet me at noon"] * 30
    size = Scratch(vocabulary=300, hidden=32, blocks=1, context=32, epochs=15, batch=4, lr=1e-2)
    place = scratch_model(lines, size, generator(), 0)
    assert scratch_model(lines, size, generator(), 0) == place
    made, words = load_part(place, 0, None, head=True), load_tokens(tokenizer_folder(str(place)))
    with torch.inference_mode():
        texts = Writer(made, words, 20, temperature=0.3).write(["Bank:", "Friend:"], generator())
    assert texts == ["your card was charged", "meet me at noon"]
