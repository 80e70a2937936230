"""An embedding is the same to the last bit, whoever makes it and whatever is encoded beside it."""

from __future__ import annotations

from pathlib import Path

import torch

from harness.models import load_part
from harness.models.embeddings import encode
from harness.models.tokens import load_tokens, tokenizer_folder
from harness.scenario.toy import toy_model

TEXTS = ["a", "a note", "one more note of the garden", "a letter to the bank", "of travel", "b", "two notes here"]


def test_embeddings_depend_neither_on_company_nor_on_threads(tmp_path: Path) -> None:
    model = str(toy_model(tmp_path))
    part, tokens = load_part(model, 0, None).requires_grad_(False), load_tokens(tokenizer_folder(model))
    together = torch.stack([row for row, _ in encode(part, tokens, TEXTS, 12)])
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            alone = torch.stack([encode(part, tokens, [text], 12)[0][0] for text in TEXTS])
            assert torch.equal(alone, together)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
