"""Attack plugins on real runs of the scenarios' small deployments, with real shadow runs: everything fits together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from attacks.embedding_inversion.blind_words import BlindWords
from attacks.embedding_inversion.prototype_decoder import PrototypeDecoder
from attacks.embedding_inversion.prototype_decomposition import PrototypeDecomposition
from attacks.embedding_inversion.prototype_inversion import PrototypeInversion
from attacks.embedding_inversion.prototype_nearest import PrototypeNearest
from attacks.extraction.echo_exposure import EchoExposure
from attacks.extraction.nearest_record import NearestRecord
from attacks.extraction.pii_echo import PiiEcho
from attacks.extraction.rare_disclosure import RareDisclosure
from attacks.label_inference.blind_classes import BlindClasses
from attacks.label_inference.blind_counts import BlindCounts
from attacks.label_inference.prototype_counts import PrototypeCounts
from attacks.label_inference.prototype_presence import PrototypePresence
from attacks.label_inference.prototype_shares import PrototypeShares
from attacks.label_inference.vote_shares import VoteShares
from attacks.membership_inference.canary_echo import CanaryEcho
from attacks.membership_inference.mean_release import MeanRelease
from attacks.membership_inference.prototype_cosine import PrototypeCosine
from attacks.membership_inference.top_voted import TopVoted
from attacks.membership_inference.vote_probe import VoteProbe
from attacks.membership_inference.vote_ratio import VoteRatio
from harness.adversary.view import TargetView
from harness.attack import Attack
from harness.metrics.membership import auc
from harness.plugins.registry import load
from harness.plugins.suite import load_suite
from harness.runtime.execution import Execution, Outcome
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.scenario.membership import MembershipSecret
from harness.scenario.plugin import Scenario
from harness.scenario.toy import toy_model, toy_records
from harness.store.archive import Archive
from tests.stand_ins.live_view import live_view
from tests.stand_ins.toy_fusion import toy_deployment as toy_deployment_of


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=60.0), fork_server=worker_server) as runner:
        yield runner


def small(name: str, folder: Path) -> Deployment:
    scenario = load("scenario", name)
    assert isinstance(scenario, Scenario)
    return scenario.small(str(folder))


def test_prototypes(runner: Runner, toy_folder: Path) -> None:
    deployment = small("prototype_sharing", toy_folder)
    view = live_view(runner, deployment, shadows=2)
    means = PrototypeDecomposition(), PrototypeDecoder(draws=50)
    attacks: list[Attack] = [MeanRelease(shadows=2), PrototypeCosine(), *means]
    for attack in attacks:
        assert deployment.secrets["membership"].score(attack.guess(view))
    for attack, secret in (
        (PrototypeCounts(shadows=2), "count"),
        (BlindCounts(), "count"),
        *((attack, "text") for attack in means),
        (PrototypeShares(), "label_distribution"),
        (PrototypePresence(shadows=2), "class_presence"),
        (BlindClasses(), "label_distribution"),
        (PrototypeNearest(), "text"),
        (BlindWords(), "text"),
        (PrototypeInversion(most=1, steps=3, texts=16, tries=4), "text"),
    ):
        assert attack.refuses(view.public) is None
        deployment.secrets[secret].score(attack.guess(view))
    counts = deployment.secrets["count"].score(PrototypeCounts().guess(view))
    assert all(score.value == 1.0 for score in counts if score.metric == "exact")  # the paper's weights are sent


@pytest.fixture(scope="module")
def repeating(toy_folder: Path) -> Deployment:
    """Generators that know the records of their party by heart."""
    return toy_deployment_of(
        str(toy_folder),
        "private_fusegen",
        generator=str(toy_model(toy_folder, hidden=64, blocks=1)),
        epochs=30,
        repeats=2,
        learning_rate=0.02,
        rank=4,
        max_tokens=24,
        texts=12,
        rounds=1,
        temperatures=(0.7,),
        canaries=4,
        average=4,
        auxiliary=14,
    )


@pytest.fixture(scope="module")
def repeated(runner: Runner, repeating: Deployment) -> Outcome:
    """Their run, which is the same for all who look."""
    return runner.execute(repeating, Execution(None))


@pytest.fixture(scope="module")
def archive() -> Archive:
    """Shadow runs are the same for all who look."""
    return Archive()


@pytest.mark.parametrize("coalition", ["server", "reader", "client"])
def test_synthetic_texts(
    runner: Runner, repeating: Deployment, repeated: Outcome, archive: Archive, coalition: str
) -> None:
    """The texts of a party give its members away to the server and to readers; another client, which is shown none of
    them in the only round, learns nothing."""
    view = live_view(runner, repeating, coalition=coalition, shadows=4, archive=archive, outcome=repeated)
    echo = CanaryEcho(calibration="none", signals=("bigram", "cosine"))
    guesses = [over_targets(attack, view, 4) for attack in (echo, EchoExposure(), RareDisclosure(), NearestRecord())]
    if coalition == "client":
        assert np.mean(guesses) == pytest.approx(0.5, abs=0.1)
    else:
        assert np.mean(guesses) > 0.62 and guesses[2] > 0.7 and guesses[3] > 0.65
    pii, secret = PiiEcho(), repeating.secrets["membership"]
    assert isinstance(secret, MembershipSecret)
    aimed = [(k, view.as_target(k, torch.Generator().manual_seed(k))) for k in range(1, 5)]
    scores = [one for k, v in aimed for one in secret.score_target(pii.guess(v), k, v.members())]
    facts = pii.facts(scores)["pii"]
    assert facts["items"] + facts["holdout_items"] == 4 * 4  # the numbers that canaries end in


def over_targets(attack: Attack, view: TargetView, shadows: int) -> float:
    """AUC with every shadow run as the target in turn."""
    scores: list[float] = []
    inside: list[int] = []
    for number in range(1, shadows + 1):
        target = view.as_target(number, torch.Generator().manual_seed(number))
        guess, members = attack.guess(target), target.members()
        scores += [guess[name] for name in members]
        inside += [int(members[name]) for name in members]
    return auc(scores, inside)


@pytest.mark.parametrize("aggregation", ["per_party", "sum"])
def test_votes(runner: Runner, toy_folder: Path, aggregation: str) -> None:
    from scenarios.synthetic_fusion.build import assemble
    from scenarios.synthetic_fusion.settings import Settings

    model = str(toy_model(toy_folder))
    settings = Settings(
        method="aug_pe",
        data="toy",
        prefixes={"bank": "Bank:", "friend": "Friend:"},
        generator=model,
        encoder=model,
        clients=3,
        alpha=5.0,
        records=20,
        canaries=4,
        average=4,
        canary_kind="rare",
        auxiliary=14,
        public=6,
        test=6,
        max_tokens=8,
        texts=4,
        rounds=2,
        generators=1,
        aggregation=aggregation,
    )
    deployment = assemble(settings, list(toy_records()), ("toy",))
    honest = live_view(runner, deployment)
    for attack in (VoteRatio(), VoteRatio(by_party=False), TopVoted()):
        assert deployment.secrets["membership"].score(attack.guess(honest))
    shares = VoteShares().guess(honest)
    if aggregation == "per_party":
        assert max(float(s.value or 0.0) for s in deployment.secrets["label_distribution"].score(shares)) < 1e-9
    else:
        assert len({tuple(share.values()) for share in shares.values()}) == 1
    probed = VoteProbe().guess(live_view(runner, deployment, behaviour="probes"))
    secret = deployment.secrets["membership"]
    assert isinstance(secret, MembershipSecret)
    labels = secret.labels
    assert auc([probed[c] for c in labels], list(labels.values())) > (0.7 if aggregation == "per_party" else 0.5)


def test_an_attack_without_an_encoder_or_auxiliary_records_says_so(toy_deployment: Deployment) -> None:
    bare = replace(toy_deployment.public, facts=())
    assert "public encoder" in str(PrototypeNearest().refuses(bare))
    assert "public encoder" in str(PrototypeInversion().refuses(bare))


@pytest.mark.slow
def test_the_echo_of_repeated_canaries_is_heard(runner: Runner) -> None:
    """Positive control: canaries met 16 times in each pass (Meeus et al. 2025) have an AUC of at least 0.7."""
    suite = "synthetic-quick"
    entry = next(entry for entry in load_suite(suite).entries if entry.name == "private-fusegen")
    settings = {**entry.settings, "repeats": 16, "epochs": 5.0}
    scenario = load("scenario", entry.scenario)
    assert isinstance(scenario, Scenario)
    deployment = scenario.deployment(entry.name, settings, (suite, entry.scenario, 0))
    view = live_view(runner, deployment, shadows=6)
    guess = CanaryEcho(shadows=6).guess(view)
    secret = deployment.secrets["membership"]
    assert isinstance(secret, MembershipSecret)
    canaries = [one.id for one in view.candidates if one.canary]
    assert auc([guess[one] for one in canaries], [int(secret.labels[one]) for one in canaries]) >= 0.7
