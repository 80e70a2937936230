"""Names, cuts, identities; part folders that stand alone; checkpoints of every shape; work without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from harness.assets import MODELS
from harness.errors import ModelError
from harness.models import (
    FAMILIES,
    cut_block,
    depth,
    load_part,
    load_part_folder,
    load_tokenizer,
    model_hash,
    part_folder,
)
from harness.models.resolve import resolve
from harness.models.tokens import load_tokens, tokenizer_folder

Tiny = Callable[[str], tuple[Any, Path]]
Ids = Callable[..., torch.Tensor]


def write_config(folder: Path, **fields: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(fields), encoding="utf-8")
    return folder


def write_tokenizer(folder: Path) -> None:
    import transformers
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = Tokenizer(WordLevel({"<unk>": 0, "patient": 1, "has": 2, "flu": 3}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    fast: Any = transformers.PreTrainedTokenizerFast
    fast(tokenizer_object=words, unk_token="<unk>").save_pretrained(folder)


def test_cuts_round_half_to_even(tmp_path: Path) -> None:
    llama = write_config(tmp_path / "m", model_type="llama", num_hidden_layers=30)
    asked: list[int | str] = [0, "0", "25%", "50%", "75%", "last", 5, "100%"]
    assert [cut_block(llama, cut) for cut in asked] == [0, 0, 8, 15, 22, 29, 5, 30]
    assert depth(str(llama)) == 30
    assert cut_block(llama, "101%") == 30  # 30.3 blocks
    refused: list[tuple[int | str, str]] = [
        ("half", "no block number"),
        ("x%", "no block number"),
        (31, "with 30 blocks"),
        (-1, "-1"),
    ]
    for bad, says in refused:
        with pytest.raises(ModelError, match=says):
            cut_block(llama, bad)


def test_untested_families_are_refused_by_name(tmp_path: Path) -> None:
    folder = write_config(tmp_path / "m", model_type="t5", num_layers=2, d_model=8)
    with pytest.raises(ModelError, match=r"'t5' is not among the tested ones \(bert, bloom, glm, gpt2, llama"):
        load_part(folder, 0, 1)
    folder = write_config(tmp_path / "n", model_type="bert", is_decoder=True, num_hidden_layers=2)
    with pytest.raises(ModelError, match="configured as a decoder"):
        load_part(folder, 0, 1)
    with pytest.raises(ModelError, match="not a configuration"):
        load_part(write_config(tmp_path / "o", model_type="no-such-family"), 0, 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"has no config\.json"):
        load_part(tmp_path / "empty", 0, 1)


def test_an_unknown_reference_says_what_was_tried(cache_folder: Path) -> None:
    script = "from harness.models.resolve import resolve\nresolve('nobody/no-such-model')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(cache_folder)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for piece in ("ModelError", "no embedded model (smollm2-135m-instruct", "no local folder", "HF_HUB_OFFLINE is set"):
        assert piece in done.stderr
    assert all(name in done.stderr for name in MODELS)
    with pytest.raises(ModelError, match="no valid hub name"):
        resolve("no such/model at all/")


def test_identity_is_configuration_and_weights(tiny: Tiny, tmp_path: Path, cache_folder: Path) -> None:
    source = tiny("gpt2")[1]
    twin = Path(shutil.copytree(source, tmp_path / "twin"))
    config = json.loads((twin / "config.json").read_text())
    write_config(twin, **{**config, "transformers_version": "0.0"})
    assert model_hash(twin) == model_hash(source) != model_hash(tiny("llama")[1])
    write_config(twin, **{**config, "layer_norm_epsilon": 1e-3})
    assert model_hash(twin) != model_hash(source)
    write_config(twin, **config)
    tensors = load_file(twin / "model.safetensors")
    tensors["transformer.ln_f.bias"][0] += 1
    save_file(tensors, twin / "model.safetensors", metadata={"format": "pt"})
    assert model_hash(twin) != model_hash(source)


@pytest.mark.parametrize("family", sorted(FAMILIES))
@torch.no_grad()
def test_part_folders_stand_alone(family: str, tiny: Tiny, ids: Ids, tmp_path: Path, cache_folder: Path) -> None:
    model, source = tiny(family)
    copy = Path(shutil.copytree(source, tmp_path / "copy"))
    causal, text = FAMILIES[family].causal, ids(2, 6)
    expected = model(text)
    expected = expected.logits if causal else expected.last_hidden_state
    spans: list[tuple[int, int | None, bool]] = [(0, 2, False), (2, 3, False), (3, None, causal)]
    folders = [part_folder(copy, *span) for span in spans]
    assert [part_folder(copy, *span) for span in spans] == folders
    shutil.rmtree(copy)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in folders]
    x = text
    for folder in folders:
        part = load_part_folder(folder)
        with safe_open(folder / "model.safetensors", framework="pt") as file:
            assert len(list(file.keys())) == len(part.state_dict())
        x = part(x)
    torch.testing.assert_close(x, expected, atol=1e-5, rtol=1e-5)
    assert sizes[1] < sizes[0] and str(cache_folder) in str(folders[0])


@torch.no_grad()
def test_part_folders_with_tied_and_left_out_embeddings(tiny: Tiny, ids: Ids, cache_folder: Path) -> None:
    model, source = tiny("llama")
    text = ids(1, 5)
    whole = load_part_folder(part_folder(source, 0, None, head=True))
    torch.testing.assert_close(whole(text), model(text).logits, atol=1e-5, rtol=1e-5)
    assert whole.head is not None and whole.head.weight is whole.embed_table
    first = load_part_folder(part_folder(source, 0, 0))
    rest = load_part_folder(part_folder(source, 0, None, head=True, embed=False))
    torch.testing.assert_close(rest(first(text)), model(text).logits, atol=1e-5, rtol=1e-5)
    with pytest.raises(ModelError, match="is no part folder"):
        load_part_folder(source)


@torch.no_grad()
def test_checkpoints_as_others_write_them(tiny: Tiny, ids: Ids, tmp_path: Path) -> None:
    """Sharded files, names without or with the base prefix, and layer norms called gamma and beta."""
    model, source = tiny("bert")
    text = ids(1, 6)
    expected = model(text).last_hidden_state
    old = tmp_path / "old"
    old.mkdir()
    shutil.copyfile(source / "config.json", old / "config.json")
    renamed = {
        f"bert.{name}".replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): one
        for name, one in load_file(source / "model.safetensors").items()
    }
    save_file(renamed, old / "model.safetensors", metadata={"format": "pt"})
    torch.testing.assert_close(load_part(old, 0, None)(text), expected, atol=1e-5, rtol=1e-5)

    model, _ = tiny("gpt2")
    shards = tmp_path / "shards"
    model.save_pretrained(shards, max_shard_size="20KB")
    assert len(list(shards.glob("*.safetensors"))) > 2
    torch.testing.assert_close(load_part(shards, 0, None, head=True)(text), model(text).logits, atol=1e-5, rtol=1e-5)
    sorted(shards.glob("*.safetensors"))[0].unlink()
    with pytest.raises(ModelError, match="names missing files: model-00001"):
        load_part(shards, 0, 1)


def test_damaged_checkpoints_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("opt")[1], tmp_path / "m"))
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    del tensors["model.decoder.layers.1.fc1.weight"], tensors["model.decoder.layers.3.fc2.bias"]
    save_file(tensors, weights, metadata={"format": "pt"})
    load_part(folder, 2, 3)
    with pytest.raises(ModelError, match=r"lacks 2 tensors of this part: .*layers\.1\.fc1\.weight"):
        load_part(folder, 0, 4)
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="not a whole safetensors file"):
        load_part(folder, 2, 3)
    weights.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelError, match="only safetensors are read"):
        load_part(folder, 2, 3)


def test_tokenizer_without_weights(tiny: Tiny, tmp_path: Path, cache_folder: Path) -> None:
    folder = Path(shutil.copytree(tiny("gpt2")[1], tmp_path / "m"))
    with pytest.raises(ModelError, match="no tokenizer"):
        load_tokenizer(folder)
    write_tokenizer(folder)
    alone = tokenizer_folder(str(folder))
    assert tokenizer_folder(str(folder)) == alone
    assert not list(alone.glob("*.safetensors"))
    tokens = load_tokens(alone)
    assert tokens.encode("patient has flu") == [1, 2, 3]
    assert tokens.offsets("patient has flu") == [(0, 7), (8, 11), (12, 15)]
    assert (tokens.prefix, tokens.suffix, tokens.special_ids) == ((), (), frozenset({0}))


BLOCKED = """
import socket
def refuse(*args, **kwargs):
    raise AssertionError("the network was used")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""


@pytest.mark.slow
def test_local_folders_need_no_network(tiny: Tiny, tmp_path: Path, cache_folder: Path) -> None:
    folder = Path(shutil.copytree(tiny("llama")[1], tmp_path / "m"))
    write_tokenizer(folder)
    (tmp_path / "sitecustomize.py").write_text(BLOCKED, encoding="utf-8")
    script = f"""
import torch
from harness.models import load_part, load_part_folder, load_tokenizer, part_folder
ids = torch.tensor([load_tokenizer({str(folder)!r})("patient has flu").input_ids])
part = load_part_folder(part_folder({str(folder)!r}, 0, 2))
print(torch.equal(part(ids), load_part({str(folder)!r}, 0, 2)(ids)))
"""
    path = os.pathsep.join([str(tmp_path), *(p for p in sys.path if p)])
    environment = {**os.environ, "PYTHONPATH": path, "HF_HOME": str(tmp_path / "hub")}
    environment.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True"
