"""Listings of plugins: names with a line about each, read off the sources without importing them, and full cards."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import LeakboardError
from harness.plugins import registry

if TYPE_CHECKING:
    from harness.plugins.submission import Manifest
    from harness.plugins.suite import Suite

__all__ = ["KINDS", "broken", "card", "names", "summaries"]

KINDS = ("scenario", "attack", "submission", "suite", "model")
"""Everything that has a name."""

_BROKEN = "(broken) "

_MODELS = {
    "smollm2-135m-instruct": "SmolLM2-135M-Instruct, a Llama of 30 blocks; fetched once and converted to float32",
    "all-minilm-l6-v2": "all-MiniLM-L6-v2, a BERT sentence encoder of 6 blocks; fetched once",
    "paraphrase-minilm-l3-v2": "paraphrase-MiniLM-L3-v2, a BERT sentence encoder of 3 blocks; fetched, converted",
}


def names(kind: str) -> list[str]:
    """All names of a kind, sorted; no source is read for them."""
    if kind in ("scenario", "attack"):
        return registry.names("attack" if kind == "attack" else "scenario")
    if kind == "submission":
        return list(registry.submissions())
    return sorted(registry.suites() if kind == "suite" else _MODELS)


def summaries(kind: str) -> dict[str, str]:
    """Name -> one line, for everything of a kind, sorted by name; nothing heavy is imported."""
    if kind in ("scenario", "attack"):
        targets = registry.discover().targets["attack" if kind == "attack" else "scenario"]
        return {name: _declared_summary(targets[name]) for name in names(kind)}
    lines = {"submission": _manifest_summary, "suite": _suite_summary, "model": _MODELS.__getitem__}
    return {name: lines[kind](name) for name in names(kind)}


def broken(kind: str) -> dict[str, str]:
    """Name -> what is wrong, for everything of a kind that cannot be used."""
    lines = summaries(kind).items()
    return {name: line.removeprefix(_BROKEN) for name, line in lines if line.startswith(_BROKEN)}


def card(kind: str, name: str) -> dict[str, Any]:
    """Everything worth showing about one plugin, suite, submission or model, as plain data."""
    makers = {"scenario": _scenario, "attack": _attack, "submission": _submission, "suite": _suite, "model": _model}
    return {"kind": kind, "name": name, **makers[kind](name)}


def _scenario(name: str) -> dict[str, Any]:
    scenario: Any = registry.load("scenario", name)
    fields = ("summary", "threat_model", "source", "coalitions", "secrets")
    return {field: _plain(getattr(scenario, field)) for field in fields} | {"settings": scenario.settings.meaning()}


def _attack(name: str) -> dict[str, Any]:
    attack: Any = registry.load("attack", name)
    shown = {field: _plain(getattr(attack, field)) for field in ("summary", "source", "secret", "reads", "blind")}
    parameters = {
        parameter.name: None if parameter.default is parameter.empty else repr(parameter.default)
        for parameter in inspect.signature(attack).parameters.values()
    }
    return {**shown, "description": inspect.getdoc(attack) or "", "parameters": parameters}


def _submission(name: str) -> dict[str, Any]:
    from harness.plugins.submission import load_submission

    loaded = load_submission(registry.find_submission(name))
    document = loaded.model_dump(mode="json", by_alias=True, exclude={"file", "class_name", "name"})
    return {field: value for field, value in document.items() if value not in (None, "")}


def _suite(name: str) -> dict[str, Any]:
    from harness.plugins.suite import load_suite

    return load_suite(name).model_dump(mode="json", exclude={"name"})


def _model(name: str) -> dict[str, Any]:
    from harness import assets

    state = next(state for state in assets.cached() if state.name == f"model {name}")
    return {"summary": _MODELS[name], "path": str(state.path), "cached": state.ok, "problem": state.problem}


def _manifest_summary(name: str) -> str:
    from harness.plugins.submission import load_submission

    return _title(lambda: load_submission(registry.find_submission(name)))


def _suite_summary(name: str) -> str:
    from harness.plugins.suite import load_suite

    return _title(lambda: load_suite(name))


def _title(read: Callable[[], Manifest | Suite]) -> str:
    try:
        return read().title
    except LeakboardError as error:
        return f"{_BROKEN}{' '.join(str(error).split())}"


def _declared_summary(place: str) -> str:
    """The ``summary`` that a class body or a constructor call at ``module:object`` gives as a literal."""
    module, _, attribute = place.partition(":")
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return f"{_BROKEN}there is no module {module}"
    for node in ast.parse(Path(spec.origin).read_bytes()).body:
        if isinstance(node, ast.ClassDef) and node.name == attribute:
            return next((text for part in node.body if (text := _assigned(part, "summary"))), "")
        value = getattr(node, "value", None)
        if attribute in _bound(node) and isinstance(value, ast.Call):
            return next((_literal(word.value) for word in value.keywords if word.arg == "summary"), "")
    return f"{_BROKEN}{module} has no {attribute}"


def _bound(node: ast.stmt) -> set[str]:
    places = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {place.id for place in places if isinstance(place, ast.Name)}


def _assigned(node: ast.stmt, name: str) -> str:
    value = getattr(node, "value", None)
    return _literal(value) if name in _bound(node) and value is not None else ""


def _literal(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
