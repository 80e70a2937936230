"""Facts about submissions, scenarios, attacks and suites, from manifests and from plugins' attributes."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from harness.assessment import suite_of
from harness.errors import LeakboardError
from harness.integrity import plain_suite
from harness.plugins import Suite, registry
from leaderboard.records import Manifests

__all__ = ["attack_cards", "family", "scenario_cards", "submission_cards", "suite_cards"]

_FAMILIES = {
    "undefended": r"^none$",
    "synthetic data": r"wasp|aug_?pe|synth",
    "noise": r"dp|gauss|laplace|noise",
    "compression": r"quanti|spars|top_?k|low_rank",
    "text rewriting": r"santext|custext|rantext|rewrite|paraphras|inferdpt",
    "training": r"mid|vib|adversar|obfuscat|denois|snd",
    "suppression": r"suppress|minimum|dummy|label|temperature|clip|hard",
}
"""Family -> what the name of its submissions holds, where a manifest names no family."""


def family(name: str, manifest: Mapping[str, Any]) -> str:
    """The family that a manifest names, or one guessed from the submission's name."""
    return str(manifest.get("family") or "") or next(
        (kind for kind, pattern in _FAMILIES.items() if re.search(pattern, name)), "other"
    )


def submission_cards(names: Iterable[str], known: Manifests, hashes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of ``submissions``; ``hashes`` are the sources that the latest runs were made with."""
    return [_submission(name, known.get(name, {}), hashes.get(name)) for name in sorted(set(names))]


def _submission(name: str, manifest: Mapping[str, Any], runs_hash: str | None) -> dict[str, Any]:
    here = manifest.get("hash")
    bibtex = str(manifest.get("bibtex", ""))
    key = re.search(r"@\w+\s*\{\s*([^,\s]+)", bibtex)
    return {
        "submission": name,
        "title": manifest.get("title", name),
        **{word: manifest.get(word) or None for word in ("summary", "licence", "source")},
        "authors": manifest.get("authors", []),
        "bibtex": bibtex or None,
        "cite_key": key[1] if key else None,
        "family": family(name, manifest),
        "scenarios": manifest.get("scenarios", []),
        "secret_state": bool(manifest.get("secret_state", False)),
        "points": _json(manifest.get("points", [])),
        "claim": _json(manifest.get("claim")),
        "hash": here,
        "runs_hash": runs_hash,
        "flags": ["stale"] if here and runs_hash and here != runs_hash else [],
    }


def scenario_cards() -> list[dict[str, Any]]:
    """Rows of ``scenarios``, for all that can be loaded."""
    rows = []
    for name, loaded in _loaded("scenario"):
        words = {word: _text(getattr(loaded, word, None)) for word in ("summary", "threat_model", "source")}
        data = {word: _json(_plain(getattr(loaded, word, None))) for word in ("coalitions", "secrets")}
        data["settings"] = _json(loaded.settings.meaning() if hasattr(loaded, "settings") else None)
        steps = {variant: [asdict(step) for step in found] for variant, found in getattr(loaded, "steps", {}).items()}
        drawn = {"steps": _json(steps), "steps_by": _text(getattr(loaded, "steps_by", ""))}
        rows.append({"scenario": name, **words, **data, **drawn})
    return rows


def attack_cards() -> list[dict[str, Any]]:
    """Rows of ``attack_cards``, for all that can be loaded."""
    return [_attack(name, loaded) for name, loaded in _loaded("attack")]


def _attack(name: str, attack: Any) -> dict[str, Any]:
    parameters = inspect.signature(attack).parameters.values()
    return {
        "attack": name,
        **{word: _text(getattr(attack, word, None)) for word in ("summary", "source", "secret")},
        "description": inspect.getdoc(attack),
        "reads": list(getattr(attack, "reads", ())),
        "blind": bool(getattr(attack, "blind", False)),
        "parameters": _json({p.name: None if p.default is p.empty else repr(p.default) for p in parameters}),
    }


def suite_cards(labels: Iterable[str]) -> list[dict[str, Any]]:
    """Rows of ``suites``; of a suite that is not here only the name is known."""
    return [_suite(label, suite_of(label)) for label in sorted(set(labels))]


def _suite(label: str, suite: Suite | None) -> dict[str, Any]:
    name, _, version = plain_suite(label).partition("@")
    row: dict[str, Any] = {"suite": label, "name": name, "suite_version": version, "known": suite is not None}
    if suite is None:
        return row | {"title": label, "indicative": True, "entries": _json([])}
    document = suite.model_dump(mode="json")
    words = {word: document[word] for word in ("title", "summary", "indicative", "scenario_set")}
    return row | words | {"entries": _json(document["entries"])}


def _loaded(kind: registry.PluginKind) -> Iterator[tuple[str, Any]]:
    """Every plugin of a kind by name, but for those that need something that is not installed: they have no card."""
    for name, place in sorted(registry.discover().targets[kind].items()):
        try:
            yield name, registry.resolve(kind, name, place)
        except (LeakboardError, ImportError):
            continue


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
