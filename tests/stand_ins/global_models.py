"""Global models of a tiny federation that is over-trained on the records of one draw, as a client is sent them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from harness.attack import SERVER, Candidate, GradientFacts, Kind, Message, SeenMessage, Shadow, View
from harness.models.learner import Learner
from harness.models.split import public_part
from harness.models.tokens import load_tokens, tokenizer_folder
from harness.scenario.deployment import Deployment
from scenarios.gradient_sharing.model import inputs, make_learner
from tests.stand_ins.gradient_world import GradientView, deploy

__all__ = ["ClientView", "altered", "client_view", "coins", "federation", "memorised"]


@dataclass
class ClientView(GradientView):
    """What client0 sees of one run, with shadow runs."""

    runs: Sequence[Shadow] = ()

    def shadows(self, n: int | None = None) -> Sequence[Shadow]:
        return self.runs[:n]


def federation(folder: Path, task: str = "language_modelling") -> Deployment:
    """Eight rare canaries of three clients."""
    return deploy(
        folder,
        task=task,
        canary_kind="rare",
        canaries=8,
        records=20,
        auxiliary=22,
        public=0,
        rounds=2,
        batch_size=4,
    )


def coins(deployment: Deployment, seed: int) -> dict[str, bool]:
    """Candidate id -> whether it is in, half of them."""
    order = torch.randperm(len(deployment.candidates), generator=torch.Generator().manual_seed(seed)).tolist()
    inside = set(order[: len(order) // 2])
    return {one.id: row in inside for row, one in enumerate(deployment.candidates)}


def memorised(deployment: Deployment, members: Mapping[str, bool], steps: int = 6, rate: float = 3e-3) -> Shadow:
    """Two rounds of so many steps on all members at once; what server and client0 would say to each other of them."""
    facts = deployment.public.need(GradientFacts)
    settings = deployment.parties["client1"].settings
    tokens = load_tokens(tokenizer_folder(facts.model))
    part = public_part(facts.model, 0, facts.blocks, facts.learner["task"] == "language_modelling")
    learner: Learner = make_learner(part, settings)
    inside: list[Candidate] = [one for one in deployment.candidates if members[one.id]]
    ids, mask = inputs([one.text for one in inside], tokens, settings)
    labels = torch.tensor([settings["labels"].index(str(one.label)) for one in inside])
    optimiser = torch.optim.Adam(learner.named_trained().values(), lr=rate)
    transcript = []
    for round_ in range(2):
        for _ in range(steps):
            optimiser.zero_grad()
            learner.loss((ids, mask, labels)).backward()
            optimiser.step()
        sent = Message(Kind.PARAMETERS, learner.state(), round=round_)
        transcript += [SeenMessage(SERVER, name, sent) for name in ("client0", "client1")]
    return Shadow(transcript, {}, members)


def client_view(deployment: Deployment, run: Shadow, shadows: Sequence[Shadow] = ()) -> View:
    """The run as client0 sees it: what is sent to it alone."""
    seen = [one for one in run.transcript if one.receiver == "client0"]
    return ClientView(deployment.public, seen, candidates=deployment.candidates, runs=tuple(shadows))


def altered(run: Shadow, change: Mapping[int, float], start: Mapping[str, torch.Tensor]) -> Shadow:
    """The run with models that say nothing of records: the start with noise of deviation ``change[round]``."""
    rng = torch.Generator().manual_seed(0)
    seen = []
    for one in run.transcript:
        scale = change[one.message.round]
        values = {name: x + scale * torch.randn(x.shape, generator=rng) for name, x in start.items()}
        seen.append(replace(one, message=Message(Kind.PARAMETERS, values, round=one.message.round)))
    return replace(run, transcript=seen)
