"""Every scenario draws everything from its axes, in which the salt is: another seal means other secrets all over."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError
from harness.runtime.execution import Execution
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment
from harness.util.seeds import secret_axis

BUILDERS = {
    "gradient_sharing": ("scenarios.gradient_sharing.build", "small", "assemble"),
    "logit_kd": ("scenarios.logit_kd.build", "small", "assemble"),
    "prototype_sharing": ("scenarios.prototype_sharing.build", "small", "assemble"),
    "split_llm": ("scenarios.split_llm.build", "small", "assemble"),
    "split_llm fine-tuning": ("scenarios.split_llm.finetune_build", "small_finetuning", "assemble_finetuning"),
    "synthetic_fusion": ("scenarios.synthetic_fusion.build", "small", "assemble"),
}


def drawn(deployment: Deployment) -> dict[str, Any]:
    """Everything of a deployment that a submission could know beforehand if it knew the draws."""
    parties = deployment.parties.values()
    return {
        "texts and their order": [[r.text for r in (*plan.items, *plan.records)] for plan in parties],
        "candidates and canaries": [(c.id, c.text) for c in deployment.candidates],
        "auxiliary": [record.text for record in deployment.public.auxiliary],
    }


def seeds(deployment: Deployment, salt: str, folder: Path) -> list[Mapping[str, int]]:
    """Seeds of a defense's setup and noise, and of training, as workers get them."""
    folder.mkdir(parents=True)
    spec = worker_spec(deployment, Execution(None), 1, salt, folder)
    return [{name: party[name] for name in ("setup", "noise", "training")} for party in spec["parties"].values()]


@pytest.fixture(params=sorted(BUILDERS))
def build(
    request: pytest.FixtureRequest, toy_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Deployment]:
    """The scenario's small deployment, drawn under a salt."""
    module, small, assemble = BUILDERS[request.param]
    room = importlib.import_module(module)
    original = getattr(room, assemble)

    def make(salt: str) -> Deployment:
        def salted(settings: Any, pool: Any, axes: tuple[str | int, ...]) -> Deployment:
            deployment = original(settings, pool, (*axes, secret_axis(salt)))
            assert isinstance(deployment, Deployment)
            return deployment

        monkeypatch.setattr(room, assemble, salted)
        deployment = getattr(room, small)(str(toy_folder))
        assert isinstance(deployment, Deployment)
        return deployment

    return make


def usable(build: Callable[[str], Deployment]) -> list[str]:
    """Two salts under which the few toy records can be dealt at all."""
    salts = []
    for salt in "abcdefghijklmnopqrstuvwxyz":
        with suppress(DataError):
            build(salt)
            salts.append(salt)
        if len(salts) == 2:
            break
    return salts


def test_another_seal_draws_everything_anew(build: Callable[[str], Deployment], tmp_path: Path) -> None:
    one_salt, other_salt = usable(build)
    first, again, other = (build(salt) for salt in (one_salt, one_salt, other_salt))
    assert drawn(first) == drawn(again)
    left, right = drawn(first), drawn(other)
    assert [what for what in left if left[what] and left[what] == right[what]] == []
    one_seal, another = (seeds(first, one_salt, tmp_path / "a"), seeds(other, other_salt, tmp_path / "b"))
    assert all(x[name] != y[name] for x, y in zip(one_seal, another, strict=True) for name in x)
