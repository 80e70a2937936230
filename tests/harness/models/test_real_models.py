"""The embedded pretrained models on real text: conversion, splitting, generation, branching, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.models import PrefixTree, cut_block, load_part, load_tokenizer, resolve

pytestmark = pytest.mark.slow

LM, ENCODER = "smollm2-135m-instruct", "all-minilm-l6-v2"
NOTE = "The patient, a 54-year-old man from Leeds, was admitted on 3 May with chest pain and shortness of breath."


def whole(name: str) -> Any:
    import transformers

    notes: Any = transformers.utils.logging
    notes.disable_progress_bar()
    auto: Any = transformers.AutoModelForCausalLM if name == LM else transformers.AutoModel
    return auto.from_pretrained(resolve(name), dtype=torch.float32, local_files_only=True).eval()


@torch.no_grad()
def test_the_decoder_knows_english_and_splits_exactly() -> None:
    model, tokenizer = whole(LM), load_tokenizer(LM)
    ids = tokenizer(NOTE, return_tensors="pt").input_ids
    expected = model(ids).logits
    loss = torch.nn.functional.cross_entropy(expected[0, :-1], ids[0, 1:])
    assert float(loss) < 4.0  # nats per token; a uniform guess has 10.8
    for cut in ("25%", "last"):
        block = cut_block(LM, cut)
        states = load_part(LM, 0, block)(ids)
        logits = load_part(LM, block, None, head=True)(states)
        torch.testing.assert_close(logits, expected, atol=1e-3, rtol=1e-4)


@torch.no_grad()
def test_split_greedy_generation_equals_generate() -> None:
    model, tokenizer = whole(LM), load_tokenizer(LM)
    ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    options = {"do_sample": False, "max_new_tokens": 16, "eos_token_id": None, "pad_token_id": 0}
    expected = model.generate(ids, attention_mask=torch.ones_like(ids), **options)
    parts = [load_part(LM, 0, 8), load_part(LM, 8, 22), load_part(LM, 22, None, head=True)]
    caches = [part.new_cache() for part in parts]
    text, x = ids, ids
    for _ in range(16):
        for part, cache in zip(parts, caches, strict=True):
            x = part(x, cache)
        x = x[:, -1].argmax(-1, keepdim=True)
        text = torch.cat((text, x), dim=1)
    assert torch.equal(text, expected)
    assert "Paris" in tokenizer.decode(text[0])


@torch.no_grad()
def test_the_true_next_token_is_the_nearest_of_many() -> None:
    part, tokenizer = load_part(LM, 0, 8), load_tokenizer(LM)
    ids = tokenizer(NOTE, return_tensors="pt").input_ids[:, :12]
    target = part(ids)
    generator = torch.Generator().manual_seed(0)
    tree = PrefixTree(part, ids[:, :1])
    for position in range(1, 12):
        others = torch.randint(part.vocab_size, (1, 63), generator=generator)
        tried = torch.cat((others[others != ids[0, position]].unsqueeze(0), ids[:, position : position + 1]), dim=1)
        distances = (tree.try_next(tried) - target[:, position : position + 1]).norm(dim=-1)
        assert int(distances.argmin()) == tried.shape[1] - 1
        assert float(distances[0, -1]) < 1e-2 * float(target[0, position].norm())
        tree.commit(ids[:, position])


@torch.no_grad()
def test_the_encoder_splits_exactly_and_finds_paraphrases() -> None:
    model, tokenizer = whole(ENCODER), load_tokenizer(ENCODER)
    texts = ["A man is eating food.", "Someone is having a meal.", "The market fell on Wall Street."]
    batch = tokenizer(texts, return_tensors="pt", padding=True)
    real = batch.attention_mask.bool()
    states = load_part(ENCODER, 0, 3)(batch.input_ids, mask=real)
    states = load_part(ENCODER, 3, None)(states, mask=real)
    expected = model(**batch).last_hidden_state
    torch.testing.assert_close(states[real], expected[real], atol=1e-4, rtol=1e-4)
    pooled = torch.stack([row[keep].mean(0) for row, keep in zip(states, real, strict=True)])
    similarity = torch.nn.functional.normalize(pooled) @ torch.nn.functional.normalize(pooled).T
    assert float(similarity[0, 1]) > 0.5 > float(similarity[0, 2]) + 0.2


def test_a_filled_cache_needs_no_network(tmp_path: Path) -> None:
    resolve(LM)
    blocked = (
        "import socket\n\ndef refuse(*args, **kwargs):\n    raise AssertionError('network')\n\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
    )
    (tmp_path / "sitecustomize.py").write_text(blocked, encoding="utf-8")
    script = (
        "import torch\nfrom harness.models import load_part, load_tokenizer\n"
        f"ids = load_tokenizer({LM!r})('Hello there', return_tensors='pt').input_ids\n"
        f"print(load_part({LM!r}, 0, 1)(ids).shape[-1])\n"
    )
    path = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    environment = {**os.environ, "PYTHONPATH": path, "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "576"
