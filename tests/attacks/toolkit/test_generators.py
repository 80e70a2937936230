"""Attacks on tuned generators: the rebuilt model against peft's own; records learned, and not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from attacks.extraction.generator_exposure import GeneratorExposure, like_canary
from attacks.membership_inference.generator_lira import GeneratorLira
from attacks.toolkit.generators import adapters_of, merged, text_losses
from attacks.toolkit.public_model import PublicModel
from harness.adversary.view import TargetView
from harness.errors import DataError, SuiteError
from harness.metrics.membership import auc
from harness.models import load_part
from harness.models.tokens import load_tokens, tokenizer_folder
from harness.plugins.registry import find_submission
from harness.plugins.submission import load_submission
from harness.runtime.runner import Runner
from harness.scenario.toy import toy_model
from harness.util.arrays import Floats
from harness.wire.facts import GeneratorFacts
from harness.wire.message import Kind, Message
from scenarios.synthetic_fusion.adapters import SCALE, adapted, adapter_weights
from tests.stand_ins.live_view import live_view
from tests.stand_ins.toy_fusion import toy_deployment


def sequence_losses(logits: Floats, tokens: np.ndarray[tuple[int, int], np.dtype[np.int64]], start: int = 1) -> Floats:
    """Total negative log-likelihood ``[b]`` of ``tokens [b, t]`` from position ``start`` on, by ``logits [b, t, v]``.

    Logits at position i predict the token at i + 1.
    """
    from scipy.special import log_softmax

    if not 1 <= start < tokens.shape[1]:
        raise DataError(f"losses from position {start} of {tokens.shape[1]} tokens: give 1 to the last position")
    logs = log_softmax(logits[:, start - 1 : -1], axis=-1)
    picked = np.take_along_axis(logs, tokens[:, start:, None], axis=-1)[..., 0]
    losses: Floats = -picked.sum(1)
    return losses


LEARNS = {
    "epochs": 15,
    "learning_rate": 0.02,
    "rank": 4,
    "texts": 1,
    "rounds": 1,
    "max_tokens": 16,
    "canaries": 4,
    "average": 4,
    "auxiliary": 14,
    "canary_kind": "pii",
}
"""Enough to learn a handful of records by heart."""
SHADOWS = 6


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(isolation="none", threads=1) as shared:
        yield shared


@pytest.fixture(scope="module")
def learned(runner: Runner, toy_folder: Path) -> TargetView:
    """Undefended."""
    model = str(toy_model(toy_folder, hidden=64, blocks=1))  # wide enough to learn a record in a few epochs
    deployment = toy_deployment(str(toy_folder), "hosted_fusegen", **LEARNS, generator=model)
    return live_view(runner, deployment, shadows=SHADOWS)


@pytest.fixture(scope="module")
def noisy(runner: Runner, toy_folder: Path) -> TargetView:
    """Noise in place of the adapters, so that nothing depends on how long they are trained."""
    deployment = toy_deployment(str(toy_folder), "hosted_fusegen", **LEARNS | {"epochs": 1})
    noise = load_submission(find_submission("pure_noise"))
    return live_view(runner, deployment, submission=noise, shadows=SHADOWS)


def power(attack: GeneratorExposure | GeneratorLira, view: TargetView) -> tuple[float, float]:
    """AUC over the shadows, each a target in turn, and the mean score."""
    values: list[float] = []
    inside: list[int] = []
    for number in range(1, SHADOWS + 1):
        target = view.as_target(number, torch.Generator().manual_seed(number))
        guess, members = attack.guess(target), target.members()
        values += [guess[one.id] for one in view.candidates]
        inside += [int(members[one.id]) for one in view.candidates]
    return auc(values, inside), float(np.mean(values))


def test_rebuilt_weights_are_those_of_peft(toy_folder: Path) -> None:
    model = str(toy_model(toy_folder))
    part, tokens = load_part(model, 0, None, head=True), load_tokens(tokenizer_folder(model))
    twin = adapted(part, 3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for name, weight in twin.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    asked = [("Bank:", "pay the rent"), ("Friend:", "see you at the station at noon")]
    losses = text_losses(part, tokens, asked, 16, merged(part, adapter_weights(twin), SCALE))
    for (prompt, text), loss in zip(asked, losses, strict=True):
        start = [*tokens.prefix, *tokens.encode(prompt)]
        ids = torch.tensor([[*start, *tokens.encode(" " + text)[:16], *tokens.encode("\n")]])
        with torch.no_grad():
            slow = sequence_losses(twin(ids).double().numpy(), ids.numpy(), len(start))
        assert loss == pytest.approx(float(slow[0]), rel=1e-4)
    assert not np.allclose(losses, text_losses(part, tokens, asked, 16, {}))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attack", "least"), [(GeneratorExposure(references=31), 0.7), (GeneratorLira(shadows=SHADOWS), 0.85)]
)
def test_learned_records_are_found(
    attack: GeneratorExposure | GeneratorLira, least: float, learned: TargetView
) -> None:
    assert power(attack, learned)[0] > least  # 56 scores: a standard error of 0.06


@pytest.mark.slow
@pytest.mark.parametrize("attack", [GeneratorExposure(references=31), GeneratorLira(shadows=SHADOWS)])
def test_noise_for_adapters_says_nothing(attack: GeneratorExposure | GeneratorLira, noisy: TargetView) -> None:
    reached, mean = power(attack, noisy)
    assert reached == pytest.approx(0.5, abs=0.2)
    if isinstance(attack, GeneratorExposure):
        assert mean == pytest.approx(1.44, abs=0.6)  # log2 e, of what was never inserted (Carlini et al. 2019)


def test_alternatives_are_drawn_like_the_canary(learned: TargetView) -> None:
    view = learned
    openings = view.public.need(GeneratorFacts).openings
    canary = next(one for one in view.candidates if one.id in openings)
    others = like_canary(view, canary, 20, np.random.default_rng(0))
    assert len(others) == 20 and canary.text not in others
    assert all(other.startswith(openings[canary.id] + " ask for ") for other in others)
    assert {len(other.split()) for other in others} == {len(canary.text.split())}


def test_runs_without_adapters_and_adapters_that_do_not_fit_are_refused(
    runner: Runner, learned: TargetView, toy_folder: Path
) -> None:
    written = live_view(runner, toy_deployment(str(toy_folder), "private_fusegen"))
    with pytest.raises(SuiteError, match="hosted_fusegen"):
        GeneratorExposure().guess(written)
    view = learned
    part = PublicModel(view.public).part(0, None, head=True)
    sent = dict(next(iter(adapters_of(view.transcript, ["client1"]).values())))
    sent["blocks.9.mlp.lora_A.weight"] = sent["blocks.9.mlp.lora_B.weight"] = torch.zeros(2, 2)
    with pytest.raises(SuiteError, match=r"blocks\.9\.mlp"):
        merged(part, sent, SCALE)
    bare = replace(view.public, facts=())
    assert "no GeneratorFacts public" in str(GeneratorLira().refuses(bare))
    other = Message(Kind.PARAMETERS, {"weight": torch.zeros(2)})
    with pytest.raises(SuiteError, match="adapters"):
        adapters_of([replace(view.transcript[0], message=other)], ["client0", "client1"])
