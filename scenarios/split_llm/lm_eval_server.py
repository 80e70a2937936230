"""The curious party of split inference when questions are asked: it answers states with those after its own blocks.

In head-tail these are the final states, in head-body-tail those before the tail. Continuations of one question come
in one message and are run side by side.
"""

from __future__ import annotations

import torch

from harness.scenario import DefenseError, Kind, Message, Net
from scenarios.split_llm.lm_eval_client import branches

__all__ = ["question_server"]


def question_server(net: Net) -> None:
    """Run the own blocks on every message and answer it, row by row."""
    body, cache = net.part("body"), None
    while (up := net.receive()) is not None:
        if up.step == 0:
            cache = body.new_cache()
        if cache is None:
            raise DefenseError(f"session {up.session} begins with step {up.step}, not with its prompt")
        if up.step and net.settings["mode"] == "choices":
            out = branches(body, torch.split(up["hidden"].float(), _lengths(up)), cache)
        else:
            out = body(up["hidden"].float()[None], cache)[0]
        net.reply(Kind.HIDDEN, hidden=out)


def _lengths(message: Message) -> list[int]:
    given, rows = message.payload.get("lengths"), len(message["hidden"])
    lengths = [x for x in given if isinstance(x, int) and x >= 0] if isinstance(given, list) else []
    if lengths != given or sum(lengths) != rows or not rows:
        raise DefenseError(f"session {message.session}: lengths {given} are not those of {rows} rows")
    return lengths
