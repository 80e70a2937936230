"""Split fine-tuning of MiniLM on real tweets: every label is read from gradients, and hardly one from features."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from attacks.label_inference.blind_features import BlindFeatures
from attacks.label_inference.gradient_clusters import GradientClusters
from attacks.label_inference.gradient_spectral import GradientSpectral
from harness.adversary.simulation import SimulationBank
from harness.adversary.view import TargetView
from harness.attack import Attack, DefenseCard, auc
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.secrets import AttributeSecret
from harness.wire.log import WireLog
from scenarios.split_llm.finetune_build import build_finetuning
from scenarios.split_llm.settings import Settings, Training

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def real_runner() -> Iterator[Runner]:
    with Runner(isolation="none", threads=2) as runner:
        yield runner


def test_gradients_tell_labels_and_untrained_features_do_not(real_runner: Runner) -> None:
    settings = Settings(
        model="all-minilm-l6-v2",
        data="health_tweets",
        data_options={"label_column": "group"},
        topology="head-body-tail",
        cut=1,
        tail_blocks=1,
        max_tokens=16,
        records=48,
        auxiliary=60,
        public=8,
        training=Training(classes=("cnnhealth", "gdnhealthcare"), epochs=2, batch_size=12, lr=2e-3, test=20),
    )
    deployment = build_finetuning(settings, ("real", 0))
    outcome = real_runner.execute(deployment, Execution(None, noise=("real",)))
    bank = SimulationBank(real_runner, deployment, None, 0, "real")
    secret = deployment.secrets["label"]
    assert isinstance(secret, AttributeSecret)
    truth = dict(secret.labels)

    def area(attack: Attack) -> float:
        rng, card = torch.Generator().manual_seed(0), DefenseCard("none", {}, "")
        coalition = deployment.coalitions["server"]
        view = TargetView(deployment, coalition, outcome.log, WireLog(), card, True, rng, bank)
        guess = attack.guess(view)
        return float(auc([guess[record] for record in truth], list(truth.values())))

    assert area(GradientSpectral()) >= 0.99
    assert area(GradientClusters()) >= 0.99
    assert area(BlindFeatures()) < 0.9
