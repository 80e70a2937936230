"""Membership from uploaded models: on trained toy parties, on noise, and on the real hierarchy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from attacks.membership_inference.parameter_gain import ParameterGain
from attacks.membership_inference.parameter_lira import ParameterLira
from attacks.membership_inference.parameter_loss import ParameterLoss
from attacks.toolkit.memo import Memo
from attacks.toolkit.readers.parameters import evaluated, uploads
from attacks.toolkit.view import labels_of
from harness.adversary.view import TargetView
from harness.attack import Attack, SeenMessage
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.plugins.submission import load_submission
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.membership import MembershipSecret
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message
from scenarios.logit_kd.models import load_state, make_model
from tests.stand_ins.live_view import live_view
from tests.stand_ins.logit_hierarchy import hierarchy
from tests.stand_ins.membership_power import power
from tests.stand_ins.overfitted_heads import fit
from tests.stand_ins.rounds_view import Cloud, view_of

EDGE = "edge0"
ATTACKS = [ParameterLoss(), ParameterGain(), ParameterLira(), ParameterLira(mode="offline")]


def named(attack: Attack) -> str:
    return f"{attack.name}-{getattr(attack, 'mode', '')}"


def head(cloud: Cloud, classes: Mapping[str, Sequence[str]]) -> Any:
    """Weight and bias of a softmax regression on a party's records."""
    texts = [text for some in classes.values() for text in some]
    labels = [number for number, some in enumerate(classes.values()) for _ in some]
    answer = fit(cloud.embed(texts), np.array(labels), len(classes), 60, rate=1.0 / cloud.spread**2)
    bias = answer(np.zeros((1, cloud.size)))[0]
    return {"weight": torch.from_numpy((answer(np.eye(cloud.size)) - bias).T), "bias": torch.from_numpy(bias)}


def uploading(
    seed: int = 0, *, shadows: int = 8, noise: float = 0.0, seen: Any = ("client0", "client1", "client2")
) -> Any:
    """Parties are sent zeros, and upload a head of their own; the edge has ``seen`` among its clients."""
    cloud = Cloud(seed=seed, spread=12.0, size=48)

    def protocol(held: Any, rng: np.random.Generator) -> Any:
        wire, start = [], {"weight": torch.zeros(3, cloud.size), "bias": torch.zeros(3)}
        for party in (one for one in held if one in seen):
            sent = head(cloud, held[party]) | {"records": sum(map(len, held[party].values()))}
            if noise:
                sent |= {k: torch.from_numpy(noise * rng.normal(size=start[k].shape)) for k in start}
            wire.append(SeenMessage(EDGE, party, Message(Kind.PARAMETERS, {**start, "more": True})))
            wire.append(SeenMessage(party, EDGE, Message(Kind.PARAMETERS, sent)))
        return wire

    return view_of(cloud, protocol, parties=3, candidates=12, sizes=(2, 6, 12), shadows=shadows, seed=seed)


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_members_are_found_and_noise_is_chance(attack: Any) -> None:
    reached = np.mean([power(attack, uploading(seed)) for seed in range(2)])
    assert reached > (0.8 if attack.name == "parameter_lira" else 0.58)
    silent = np.mean([power(attack, uploading(seed, noise=1.0)) for seed in range(4)])
    assert silent == pytest.approx(0.5, abs=0.09)


def test_an_edge_tells_nothing_of_clients_it_does_not_have() -> None:
    view = uploading(seen=("client1",))
    for attack in ATTACKS:
        guess = attack.guess(view)
        assert len({guess[c.id] for c in view.candidates if c.party != "client1"}) == 1
        assert len({guess[c.id] for c in view.candidates if c.party == "client1"}) > 12
    with pytest.raises(SuiteError, match="such as edge0"):
        ParameterLoss().guess(uploading(seen=(), shadows=0))


@pytest.fixture(scope="module")
def runner(worker_server: Any) -> Iterator[Any]:
    with Runner(threads=1, limits=Limits(cpu_seconds=60.0), fork_server=worker_server) as runner:
        yield runner


def canary_auc(attack: Attack, view: TargetView, targets: int) -> float:
    """Over the live run and every shadow as a target in turn."""
    labels = view.deployment.secrets["membership"]
    assert isinstance(labels, MembershipSecret)
    scores, truth = [], []
    for target in range(targets):
        aimed = view.as_target(target, torch.Generator().manual_seed(target))
        guess = attack.guess(aimed)
        members = aimed.members() if target else labels.labels
        scores += [guess[c] for c in sorted(labels.canaries)]
        truth += [int(members[c]) for c in sorted(labels.canaries)]
    return auc(scores, truth)


def test_an_edge_of_the_real_hierarchy_reads_membership_off_parameters(runner: Runner, toy_folder: Path) -> None:
    view = live_view(runner, hierarchy(toy_folder), coalition=EDGE, shadows=6)
    aucs = {named(attack): canary_auc(attack, view, 7) for attack in ATTACKS}
    assert min(aucs.values()) > 0.6 and aucs["parameter_loss-"] > 0.7, aucs
    server = live_view(runner, hierarchy(toy_folder), coalition=SERVER)
    with pytest.raises(SuiteError, match="such as edge0"):
        ParameterLoss().guess(server)


def test_noise_in_place_of_parameters_is_chance(runner: Runner, toy_folder: Path) -> None:
    noise = load_submission(Path(__file__).parents[3] / "submissions" / "pure_noise")
    view = live_view(runner, hierarchy(toy_folder), submission=noise, coalition=EDGE, shadows=6)
    for attack in ATTACKS:
        assert canary_auc(attack, view, 7) == pytest.approx(0.5, abs=0.2)


def test_evidence_on_a_real_run_is_the_models_own_confidence(runner: Runner, toy_folder: Path) -> None:
    """Score of a candidate: mean over uploads of the log-odds that the uploaded model itself gives to its label."""
    view = live_view(runner, hierarchy(toy_folder, "linear"), coalition=EDGE)
    guess = ParameterLoss().guess(view)
    candidate = view.candidates[0]
    x = view.embed([candidate.text])
    place, slow = labels_of(view.public).index(candidate.label), []
    for sighting in view.transcript:
        if sighting.sender == candidate.party and sighting.message.kind is Kind.PARAMETERS:
            model = make_model("linear", x.shape[1], 2)
            load_state(model, dict(sighting.message.payload))
            logits = model(x).detach()[0]
            slow.append(float(logits[place] - logits[1 - place]))
    assert len(slow) == 2
    assert guess[candidate.id] == pytest.approx(np.mean(slow), rel=1e-3, abs=1e-4)
    sent = uploads(view.transcript, {candidate.party})
    assert [up.round for up in sent] == [0, 1] and all(up.before is not None for up in sent)
    converted = evaluated(view, Memo())
    assert converted.adaptive == view.adaptive and {s.sender for s in converted.transcript} == {"client1", "client2"}
