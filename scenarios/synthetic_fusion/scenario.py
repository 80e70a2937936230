"""The synthetic_fusion scenario as the registry finds it."""

from __future__ import annotations

from typing import Any

from harness.scenario import Deployment, Scenario
from scenarios.synthetic_fusion.settings import MEANING, Settings, read_settings
from scenarios.synthetic_fusion.steps import STEPS

__all__ = ["SYNTHETIC_FUSION"]


def _build(entry: str, raw: dict[str, Any], axes: tuple[str | int, ...]) -> Deployment:
    from scenarios.synthetic_fusion.build import build

    return build(read_settings(entry, raw), axes)


def _small(folder: str) -> Deployment:
    from harness.scenario import toy_model, toy_records
    from scenarios.synthetic_fusion.build import assemble

    model = str(toy_model(folder))
    settings = Settings(
        method="private_fusegen",
        data="toy",
        prefixes={"bank": "Bank:", "friend": "Friend:"},
        generator=model,
        encoder=model,
        clients=3,
        alpha=5.0,
        records=20,
        canaries=2,
        least=2,
        average=2,
        canary_kind="rare",
        auxiliary=16,
        public=6,
        test=6,
        max_tokens=8,
        texts=3,
        rounds=2,
        shots=2,
        screened=4,
        boosting=2,
        rank=2,
        epochs=1,
    )
    return assemble(settings, list(toy_records()), ("toy",))


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
    settings=MEANING,
    build=_build,
    small=_small,
    steps=STEPS,
    steps_by="method",
)
