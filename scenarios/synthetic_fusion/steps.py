"""Who sends whom what in synthetic_fusion, for the board's drawing."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import Step

__all__ = ["STEPS"]

_ROUND = "each round"

_RELEASE = (
    Step("server", "weights the texts, fits the task model"),
    Step("server", "all texts with weights", "reader", "SYNTHETIC_TEXT"),
)

_WRITING = (
    Step("clients", "write texts with their generators", when=_ROUND),
    Step("clients", "synthetic texts and labels", "server", "SYNTHETIC_TEXT", _ROUND),
    Step("server", "chooses what to show to all", when=_ROUND),
    Step("server", "samples for the next prompts", "clients", "SYNTHETIC_TEXT", _ROUND),
    *_RELEASE,
)


def _voting(votes: str, next_texts: str) -> tuple[Step, ...]:
    return (
        Step("clients", "ready", "server", "CONTROL"),
        Step("server", "writes texts with public generators"),
        Step("server", "texts; probing: candidates, too", "clients", "SYNTHETIC_TEXT", _ROUND),
        Step("clients", votes, "server", "VOTE", _ROUND),
        Step("server", next_texts, when=_ROUND),
        Step("server", "fits the task model"),
        Step("server", "all texts", "reader", "SYNTHETIC_TEXT"),
    )


STEPS: Mapping[str, tuple[Step, ...]] = {
    "fusegen": _WRITING,
    "private_fusegen": (Step("clients", "tune adapters on their own records"), *_WRITING),
    "hosted_fusegen": (
        Step("clients", "tune adapters on their own records"),
        Step("clients", "adapters", "server", "PARAMETERS"),
        Step("server", "received", "clients", "CONTROL"),
        Step("server", "writes texts with each adapter, chooses samples", when=_ROUND),
        *_RELEASE,
    ),
    "aug_pe": _voting("votes for the nearest texts", "keeps the best, varies them"),
    "wasp": _voting("votes for nearest and farthest texts", "prompts with near and far texts"),
}
