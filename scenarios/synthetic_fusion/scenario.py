"""Declaration of synthetic_fusion: its names, assumptions, secrets and steps."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import Scenario, Step
from scenarios.synthetic_fusion.build import build, small
from scenarios.synthetic_fusion.settings import Settings

__all__ = ["SYNTHETIC_FUSION"]

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

SYNTHETIC_FUSION = Scenario(
    name="synthetic_fusion",
    summary="Parties make one synthetic data set for a small task model: by texts of their own generators (fusegen, "
    "private_fusegen, hosted_fusegen), or by votes for texts of public generators (aug_pe, wasp).",
    threat_model="The server is honest but curious, or puts candidate records among the texts to be voted on "
    "(behaviour probes). It sees texts, adapters or votes party by party, or of votes the sum alone. A party sees its "
    "own messages and what the server answers; a reader sees the released texts. All know generator, encoder, prompts "
    "and voting rule, and hold labelled records of the same kind. fusegen uses no private record: what is found "
    "there is a false alarm.",
    source="FuseGen: Zou et al. (2024); private fine-tuning of generators: Kurakin et al. (2023), Harnessing "
    "large-language models to generate private synthetic text; Aug-PE: Xie et al. (2024); WASP: Zou et al. (2025).",
    coalitions={
        "server": "every message between parties and server; with aggregation = sum, of votes their sum alone",
        "client": "the messages of client0, of whom no secret is scored, and the server's answers",
        "reader": "the released synthetic texts, with labels and weights",
    },
    secrets={
        "membership": "whether a party holds a candidate record",
        "label_distribution": "the class shares of each party's records",
        "topic_distribution": "the shares of topics, k-means clusters of the auxiliary texts, in each party's records",
        "class_presence": "whether a party has any record of a class",
        "text": "how an echo or pii canary goes on, of which the attacker knows the beginning",
        "property": "whether most of a party's texts are signed by one name (planted; a control)",
    },
    settings=Settings,
    build=build,
    small=small,
    steps=STEPS,
    steps_by="method",
)
