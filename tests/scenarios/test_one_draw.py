"""A suite of one draw: scenarios hold the same private records, divided alike, and answer the same texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.data.reserve import reserved
from harness.evaluation.plan import plan_cells
from harness.plugins import registry
from harness.plugins.submission import load_submission
from harness.plugins.suite import Entry, Suite, load_suite
from harness.scenario import Deployment, make
from harness.scenario.plugin import Scenario
from harness.scenario.toy import toy_model
from harness.util.seeds import PUBLIC_SALT, secret_axis
from scenarios.gradient_sharing import build as gradient_sharing
from scenarios.gradient_sharing.settings import Settings as GradientSettings
from scenarios.logit_kd import build as logit_kd
from scenarios.logit_kd.settings import Settings as LogitSettings
from scenarios.prototype_sharing import build as prototype_sharing
from scenarios.prototype_sharing.settings import Settings as PrototypeSettings
from scenarios.split_llm import finetune_build
from scenarios.split_llm.settings import Settings as SplitSettings
from scenarios.split_llm.settings import Training
from scenarios.synthetic_fusion import build as synthetic_fusion
from scenarios.synthetic_fusion.settings import Settings as FusionSettings

SUITE = "side-by-side"


def held(deployment: Deployment) -> dict[str, list[tuple[str, str | None]]]:
    """Party -> its records, in no order."""
    return {name: sorted((r.text, r.label) for r in plan.records) for name, plan in deployment.parties.items()}


def asked(deployment: Deployment) -> list[str]:
    """Texts that utility is scored on: dealt to the parties, or answered by the server's task model."""
    texts: Mapping[str, str] = deployment.settings.get("test", {})
    return sorted(texts.values() or (item.text for plan in deployment.parties.values() for item in plan.items))


def test_scenarios_draw_the_same_records_from_reserved_data(tmp_path: Path) -> None:
    words = {"bank": "Account notice of the", "friend": "Meet me at the"}
    texts = [make(f"{words[name]} {i}", label=name) for name in words for i in range(100)]
    pool, model, axes = reserved(texts), str(toy_model(tmp_path)), ("suite", 0, "toy")
    sizes: dict[str, Any] = {"clients": 3, "alpha": 1.0, "least": 4, "records": 24, "average": 8, "auxiliary": 60}
    common = {"data": "toy", "model": model, "max_tokens": 8, "public": 10, "test": 12, **sizes}
    fusion = {**common, "encoder": model, "generator": model, "method": "aug_pe", "balanced": False, "public": 14}
    fusion |= {"prefixes": {"bank": "B:", "friend": "F:"}, "canaries": 0, "canary_kind": "mislabelled"}
    del fusion["model"]
    deployments = [
        gradient_sharing.assemble(GradientSettings(**common, batch_size=2), pool, axes),
        logit_kd.assemble(LogitSettings(**common, second_model=model, models=("linear",)), pool, axes),
        prototype_sharing.assemble(PrototypeSettings(**common, canaries=0, test_of="all"), pool, axes),
        synthetic_fusion.assemble(FusionSettings(**fusion), pool, axes),
    ]
    first = deployments[0]
    assert all(held(one) == held(first) for one in deployments)
    assert all(asked(one) == asked(first) for one in deployments)
    assert all(one.candidates == first.candidates for one in deployments)
    training = Training(epochs=1, batch_size=4, test=12, hints=4, rank=2)
    split = SplitSettings(
        model=model,
        data="toy",
        cut=1,
        topology="head-body-tail",
        tail_blocks=1,
        records=24,
        auxiliary=60,
        public=10,
        max_tokens=8,
        training=training,
    )
    alone = finetune_build.assemble_finetuning(split, pool, axes)
    (everything,) = held(alone).values()
    assert set(everything) >= {record for own in held(first).values() for record in own}
    assert asked(alone) == asked(first)


@pytest.mark.parametrize("one_draw", [True, False])
def test_seeds_of_draws_leave_the_scenario_out(tmp_path: Path, one_draw: bool) -> None:
    rows = [f"word{i} and {i} more words,{'x' if i % 2 else 'y'}" for i in range(200)]
    (tmp_path / "d.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    settings: dict[str, Any] = {
        "data": str(tmp_path / "d.csv"),
        "data_options": {"reserve": True},
        "model": str(toy_model(tmp_path)),
        "clients": 3,
        "alpha": 1.0,
        "least": 4,
        "records": 24,
        "average": 8,
        "auxiliary": 60,
        "public": 10,
        "test": 12,
    }
    own = {"gradient_sharing": {"batch_size": 2}, "logit_kd": {"second_model": settings["model"], "models": ["linear"]}}
    entries = tuple(Entry(name=n[:5], scenario=n, seeds=(0,), settings={**settings, **own[n]}) for n in own)
    suite = Suite(name="s", version=1, title="t", one_draw=one_draw, entries=entries, threads=1)
    none = load_submission(registry.shipped()["none"])
    plans = {cell.run.entry.name: cell.run for cell in plan_cells(suite, none, none, (0,), "none", PUBLIC_SALT)}
    first, other = (plan.deployment for plan in plans.values())
    drawn = [one.variants["centralised"]() for one in (first, other)]
    assert (held(drawn[0]) == held(drawn[1])) is one_draw
    assert (asked(drawn[0]) == asked(drawn[1])) is one_draw


@pytest.mark.slow
def test_the_shipped_suite_is_one_task_on_the_same_records() -> None:
    suite = load_suite(SUITE)
    assert suite.one_draw
    deployments = {entry.name: shipped(suite, entry.name) for entry in suite.entries}
    clients = {name: one for name, one in deployments.items() if len(one.parties) > 1}
    first = clients["gradients"]
    assert len(clients) > 3
    assert all(held(one) == held(first) and asked(one) == asked(first) for one in clients.values())
    assert asked(deployments["split-training"]) == asked(first)
    (trained,) = held(deployments["split-training"]).values()
    assert set(trained) >= {record for own in held(first).values() for record in own}
    assert {text for text, _ in trained} <= set(asked(deployments["split-inference"]))


def shipped(suite: Suite, name: str) -> Deployment:
    """An entry as a local evaluation builds it (:mod:`harness.evaluation.plan`)."""
    entry = next(entry for entry in suite.entries if entry.name == name)
    scenario = registry.load("scenario", entry.scenario)
    assert isinstance(scenario, Scenario)
    return scenario.deployment(entry.name, entry.settings, (suite.name, 0, secret_axis(PUBLIC_SALT)))
