"""Reading TOML documents against a schema, with every problem of a file found before anything is raised."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import ManifestError
from harness.util.keys import canonical
from harness.util.untrusted import one_line

__all__ = ["Document", "parse", "read_toml"]

Model = TypeVar("Model", bound="Document")


class Document(BaseModel):
    """Base of everything read from TOML: unknown keys are refused, values are not converted, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; :class:`ManifestError` if it is missing, not UTF-8 or not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(str(path), [f"cannot be read: {error.strerror}"]) from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(str(path), [f"not TOML: {one_line(error)}"]) from error


def parse(model: type[Model], document: dict[str, Any]) -> tuple[Model | None, list[str]]:
    """``document`` as ``model`` and no problems, or None and every problem, each naming the field it is about."""
    problems = []
    try:
        canonical(document)
    except ValueError as error:
        problems.append(str(error).removeprefix("value."))
    except RecursionError:
        return None, ["nested too deeply"]
    try:
        # Strict JSON converts nothing but arrays to the tuples that frozen models hold.
        parsed = model.model_validate_json(json.dumps(document, default=str))
    except RecursionError:
        return None, ["nested too deeply"]
    except ValidationError as error:
        return None, problems + [_sentence(problem) for problem in _real(error.errors())]
    return (None if problems else parsed), problems


def _real(problems: list[Any]) -> list[Any]:
    """Without the complaints that a list is too short only because its broken items were left out."""
    places = [problem["loc"] for problem in problems]
    inner = {place[:end] for place in places for end in range(len(place))}
    return [problem for problem in problems if problem["type"] != "too_short" or problem["loc"] not in inner]


def _sentence(problem: Any) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]).lstrip(".")
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key; check its spelling"
    if problem["type"] == "missing":
        return f"{where}: missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    shown = repr(problem["input"])
    got = f" (got {shown if len(shown) <= 80 else shown[:77] + '...'})"
    return f"{where}: {message}{got}" if where else message
