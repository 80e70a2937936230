"""The settings that a defense may change in ``prepare``: those that its scenario declares, towards less training only.

Everything else about a protocol is not a defense's own: with a party that trains longer, or one that leaves out what
it hears, utility would be earned past the protocol.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from harness.errors import DefenseError

__all__ = ["chosen_settings"]


def chosen_settings(
    before: Mapping[str, Any], after: object, knobs: Mapping[str, str | Sequence[str]]
) -> dict[str, Any]:
    """A fresh copy of the settings ``before`` with the knobs as ``after`` has them.

    Args:
        before: the party's settings, plain data.
        after: what ``prepare`` made of a copy of them.
        knobs: setting -> ``at most`` or ``at least``, the side to which a defense may move a number, or a list of the
            values that it may take.

    Raises:
        DefenseError: a setting that is no knob was changed, added or removed, or a knob moved to the other side.
    """
    if not isinstance(after, dict):
        raise DefenseError(f"prepare() left a {type(after).__name__} of the settings; change single ones")
    settings = deepcopy(dict(before))
    for name in sorted({*before, *after}, key=str):
        if name in before and name in after and _same(before[name], after[name]):
            continue
        settings[name] = _moved(name, before.get(name), after.get(name), knobs)
    return settings


def _moved(name: str, before: Any, after: Any, knobs: Mapping[str, str | Sequence[str]]) -> Any:
    if name not in knobs:
        raise DefenseError(f"prepare() changed the setting {str(name)[:60]!r}; it may change {_allowed(knobs)}")
    side = knobs[name]
    if not isinstance(side, str):
        if not isinstance(after, str) or after not in side:
            raise DefenseError(f"prepare() set {name!r} to another value; it may change {_allowed(knobs)}")
        return after
    whole = isinstance(before, int)
    if isinstance(after, bool) or not isinstance(after, int if whole else (int, float)) or not math.isfinite(after):
        raise DefenseError(f"prepare() set {name!r} to a {type(after).__name__}; it is a {type(before).__name__}")
    within = 0 < after <= before if side == "at most" else after >= before
    if not within:
        raise DefenseError(f"prepare() set {name!r} to {after} from {before}; it may change {_allowed(knobs)}")
    return after if whole else float(after)


def _allowed(knobs: Mapping[str, str | Sequence[str]]) -> str:
    words = {
        k: f"{side} what it is" if isinstance(side, str) else f"to {' or '.join(side)}" for k, side in knobs.items()
    }
    return ", ".join(f"{knob} ({words[knob]})" for knob in sorted(words)) or "none of this scenario"


def _same(before: Any, after: Any) -> bool:
    """Equal as JSON: true is not 1, and 1 is not 1.0."""
    try:
        return json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return False
