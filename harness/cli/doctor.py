"""``leakboard doctor``: the state of everything that an evaluation needs."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.cli.common import JsonOption, StoreOption, console, emit, say, store_path, table
from harness.errors import LeakboardError

__all__ = ["doctor"]


def doctor(
    store: StoreOption = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Rebuild the store's database from its files.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Report on the installation, the cached models and data, the plugins and the store; exit code 1 on problems."""
    path = store_path(store)
    if rebuild:
        from harness.store import Store

        count = Store.rebuild(path)
        say(f"rebuilt {path} from {count} files", err=True)
    state = {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": _packages(),
        **_isolation(),
        "assets": _assets(),
        "plugins": _plugins(),
        "store": _store(path),
    }
    problems = _problems(state)
    if as_json:
        emit("doctor/1", {**state, "problems": problems})
    else:
        _print(state, problems)
    if problems:
        raise typer.Exit(1)


def _isolation() -> dict[str, Any]:
    from harness.errors import SuiteError
    from harness.runtime.sandbox import sandbox_level, sandbox_problems

    try:
        level = sandbox_level()
    except SuiteError:
        level = ""
    sandbox = {"level": level, "missing": dict(sandbox_problems())}
    return {"isolation": [*(["sandbox"] if level else []), "process", "none"], "sandbox": sandbox}


def _packages() -> dict[str, str]:
    from harness.store.provenance import PACKAGES, package_versions

    return dict.fromkeys(PACKAGES, "missing") | package_versions()


def _assets() -> list[dict[str, Any]]:
    from harness.assets import cached

    fields = ("name", "path", "present", "ok", "problem")
    return [{field: getattr(state, field) for field in fields} for state in cached()]


def _plugins() -> dict[str, Any]:
    from harness.cli import catalogue
    from harness.plugins import registry

    plugins = registry.discover()
    broken = [f"{kind} {name}: {line}" for kind in catalogue.KINDS for name, line in catalogue.broken(kind).items()]
    counts = {f"{kind}s": len(targets) for kind, targets in plugins.targets.items()}
    counts |= {"suites": len(plugins.suites), "submissions": len(registry.submissions())}
    return {**counts, "problems": plugins.problems + broken}


def _store(path: Path) -> dict[str, Any]:
    from harness.store import Store

    state: dict[str, Any] = {"path": str(path.absolute()), "state": "none yet", "runs": 0, "cells": 0, "scores": 0}
    if not path.exists():
        return state
    try:
        with Store.open(path, read_only=True) as store:
            counts = {t: store.query(f"SELECT count(*) AS n FROM {t}")[0]["n"] for t in ("runs", "cells", "scores")}
    except LeakboardError as error:
        return state | {"state": str(error)}
    return state | {"state": "ok", **counts}


def _problems(state: dict[str, Any]) -> list[str]:
    """Everything that keeps leakboard from working; assets that are not fetched yet are none."""
    problems = [f"package {name} is missing" for name, version in state["packages"].items() if version == "missing"]
    problems += [f"{a['name']}: {a['problem']}" for a in state["assets"] if a["present"] and not a["ok"]]
    problems += state["plugins"]["problems"]
    if state["store"]["state"] not in ("ok", "none yet"):
        problems.append(state["store"]["state"])
    return problems


def _print(report: dict[str, Any], problems: list[str]) -> None:
    packages = ", ".join(f"{name} {version}" for name, version in report["packages"].items())
    plugins = ", ".join(f"{count} {name}" for name, count in report["plugins"].items() if name != "problems")
    store = report["store"]
    state = f"{store['path']}: {store['state']}, {store['runs']} runs, {store['cells']} cells, {store['scores']} scores"
    out = console()
    out.print(f"python {report['python']} on {report['platform']}, {report['cores']} cores")
    out.print(f"packages: {packages}", soft_wrap=True)
    out.print(f"isolation levels: {', '.join(report['isolation'])}")
    out.print(f"sandbox: {report['sandbox']['level'] or 'none'}")
    for level, why in report["sandbox"]["missing"].items():
        out.print(f"no sandbox of level {level}: {why}", soft_wrap=True)
    out.print(f"plugins: {plugins}")
    out.print(f"store: {state}", soft_wrap=True)
    rows = [[a["name"], "ok" if a["ok"] else a["problem"], str(a["path"])] for a in report["assets"]]
    table(["asset", "state", "path"], rows)
    for problem in problems:
        out.print(f"problem: {problem}", soft_wrap=True)
    if not problems:
        out.print("no problems")
