"""Provenance of a run, and the pinned number of computation threads that makes its bytes repeatable."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from harness.store.schema import Environment

__all__ = ["PACKAGES", "environment", "package_versions", "source_commit"]

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "scikit-learn",
    "datasets",
    "evaluate",
    "rouge-score",
    "faker",
    "lm-eval",
    "gguf",
    "duckdb",
    "pyarrow",
    "pydantic",
)
"""Packages whose version can change a number or how it is stored."""

_ROOT = Path(__file__).resolve().parents[2]


def environment(device: str) -> Environment:
    """The machine and the packages that this process computes with; ``device`` is a torch device, as ``cuda:0``."""
    import torch

    place = f"{device} ({torch.cuda.get_device_name(device)})" if device.startswith("cuda") else device
    return Environment(
        leakboard=_version("leakboard") or "not installed",
        commit=source_commit(),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        cpu=_cpu_model(),
        device=place,
        threads=torch.get_num_threads(),
        packages=package_versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def package_versions() -> dict[str, str]:
    """Installed versions of :data:`PACKAGES`; those that are absent are left out."""
    return {name: version for name in PACKAGES if (version := _version(name))}


def source_commit(root: Path = _ROOT) -> str | None:
    """Git commit of the checkout at ``root``, with ``+dirty`` when files differ; None without checkout or git."""
    if not (root / ".git").exists():
        return None
    commit, changes = _git(root, "rev-parse", "HEAD"), _git(root, "status", "--porcelain")
    if commit is None:
        return None
    return f"{commit.strip()}+dirty" if changes else commit.strip()


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git on this machine
        return None
    return done.stdout if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
