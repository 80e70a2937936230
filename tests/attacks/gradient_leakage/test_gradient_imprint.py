"""The malicious server of gradient sharing: a tiny encoder altered within its architecture, and what is read off it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from attacks.gradient_leakage.gradient_imprint import (
    Bins,
    GradientImprint,
    Reader,
    bins_of,
    paired_states,
    single_states,
)
from attacks.gradient_leakage.gradient_peeling import GradientPeeling
from attacks.toolkit.readers.gradients import SharedGradient
from harness.adversary.shadows import seen_messages
from harness.attack import Learner, padded
from harness.errors import SuiteError
from harness.models.split import public_part
from harness.models.tokens import load_tokens, tokenizer_folder
from harness.protocol.behaviours import MALICIOUS
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from scenarios.gradient_sharing.malicious import imprint
from scenarios.gradient_sharing.model import make_learner
from scenarios.gradient_sharing.settings import Settings
from tests.stand_ins.gradient_world import GradientView, deploy, gradient_view, scores_of, toy_bert

BATCH = 6


@pytest.fixture(scope="module")
def deployment(toy_folder: Path) -> Deployment:
    """Frozen embeddings, batches beyond what peeling reads then."""
    return deploy(
        toy_folder,
        model=str(toy_bert(toy_folder)),
        server="malicious",
        embeddings="frozen",
        rounds=2,
        batch_size=BATCH,
        least=BATCH,
        records=3 * BATCH,
        auxiliary=20,
        public=0,
    )


@pytest.fixture(scope="module")
def trapped(deployment: Deployment) -> tuple[Learner, dict[str, Tensor]]:
    """The altered model, and the values that were altered."""
    plan = deployment.parties["client1"]
    learner: Learner = make_learner(public_part(str(plan.parts["model"].model), 0, None, False), plan.settings)
    values = imprint(learner, deployment.settings["known_ids"], torch.Generator().manual_seed(0))
    learner.load(values)
    return learner, values


def batch_of(deployment: Deployment) -> list[list[int]]:
    """Ids of client1's first texts as they enter the model."""
    plan = deployment.parties["client1"]
    tokens = load_tokens(tokenizer_folder(str(plan.parts["model"].model)))
    limit = plan.settings["max_tokens"]
    return [[*tokens.prefix, *tokens.encode(r.text)[:limit], *tokens.suffix] for r in plan.records[:BATCH]]


def gradient_of(learner: Learner, texts: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    ids, mask = padded(texts)
    loss = learner.loss((ids, mask, torch.arange(len(texts)) % 2))
    trained = learner.named_trained()
    return dict(zip(trained, torch.autograd.grad(loss, list(trained.values())), strict=True))


@torch.no_grad()
def state_of(learner: Learner, values: Mapping[str, Tensor], text: Sequence[int]) -> Tensor:
    """States ``[T, d]`` by the formula: norm(embedding + U (R mean of embeddings - middle))."""
    embedded = learner.part.embed(torch.tensor([list(text)]), torch.arange(len(text))[None])[0]
    reading = values["part.blocks.0.attention.self.value.weight"]
    back = values["part.blocks.0.attention.output.dense.weight"]
    signature = back @ (reading @ embedded.mean(0)) + values["part.blocks.0.attention.output.dense.bias"]
    return torch.nn.functional.layer_norm(embedded + signature, embedded.shape[-1:])


def views(deployment: Deployment, behaviour: str) -> GradientView:
    """What the server sees in the protocol itself."""
    with Runner(isolation="none", threads=1, limits=Limits(cpu_seconds=120.0)) as runner:
        outcome = runner.execute(deployment, Execution(None, behaviour=behaviour))
    return GradientView(deployment.public, seen_messages(outcome.log, deployment.coalitions["server"]))


def test_whole_batches_are_read_where_an_honest_server_reads_none(deployment: Deployment) -> None:
    guess = GradientImprint().guess(views(deployment, MALICIOUS))
    assert sum(scores_of(deployment, guess)) >= 0.9 * 2 * BATCH
    honest = views(deployment, "honest")
    assert sum(scores_of(deployment, GradientPeeling().guess(honest))) <= 0.1 * 2 * BATCH
    with pytest.raises(SuiteError, match="behaviour malicious"):
        GradientImprint().guess(honest)


def test_nothing_but_values_of_trained_parameters_changes(
    deployment: Deployment, trapped: tuple[Learner, dict[str, Tensor]]
) -> None:
    learner, values = trapped
    own = learner.state()
    assert set(values) < set(own) and all(values[name].shape == own[name].shape for name in values)
    assert not any(name.startswith(("part.embedding", "classifier")) for name in values)


def test_states_are_those_of_the_forward_pass(
    deployment: Deployment, trapped: tuple[Learner, dict[str, Tensor]]
) -> None:
    """The closed form, the same before every block's feed-forward layer."""
    learner, values = trapped
    part, text = learner.part, batch_of(deployment)[0]
    seen: list[Tensor] = []
    hooks = [
        b.get_submodule("intermediate").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0]))
        for b in part.blocks
    ]
    with torch.no_grad():
        part(torch.tensor([text]))
    for hook in hooks:
        hook.remove()
    wanted = state_of(learner, values, text)
    assert len(seen) == 2 and all(torch.allclose(state, wanted, atol=1e-3) for state in seen)
    shared = SharedGradient("client1", 1, gradient_of(learner, [text]), values)
    read = single_states(bins_of(shared)).float()
    assert len(read) >= len(text) - 1
    assert float(torch.cdist(read, wanted).min(1).values.max()) < 0.05, "every state read off is a token's"


def test_a_missing_token_is_solved_for(deployment: Deployment, trapped: tuple[Learner, dict[str, Tensor]]) -> None:
    learner, values = trapped
    text, other, *_ = batch_of(deployment)
    reader = Reader(learner.part, 20)
    bins = bins_of(SharedGradient("client1", 1, gradient_of(learner, [text, other]), values))
    wholes = [[found[place] for place in sorted(found)] for found in reader.texts(bins)]
    assert sorted(wholes) == sorted([text, other])
    states = state_of(learner, values, text)
    alone = torch.cdist(states, single_states(bins).float()).min(1).values < 0.01
    lost = states[int(alone[2:].float().argmax()) + 2]
    emptied = [without(one, lost) for one in bins]
    assert len(single_states(emptied)) < len(single_states(bins))
    assert text in [[found[place] for place in sorted(found)] for found in reader.texts(emptied)]


def without(bins: Bins, state: Tensor) -> Bins:
    """The bins, that of a state being empty."""
    (place,) = bins.place(state[None].double()).tolist()
    rows = torch.arange(len(bins.bias)) != place
    return replace(bins, weight=bins.weight * rows[:, None], bias=bins.bias * rows)


def test_the_other_of_two_tokens_in_a_bin_follows_from_the_first() -> None:
    """Closed form: D = a x + b y with a, b unknown and y of mean 0 and variance 1."""
    rng = torch.Generator().manual_seed(0)
    x, y = torch.nn.functional.layer_norm(torch.randn(2, 32, generator=rng).double(), (32,), eps=0.0)
    measure = torch.nn.functional.one_hot(torch.tensor(0), 32).double()
    bins = Bins((0.3 * x - 2.0 * y)[None], torch.tensor([-1.7]).double(), measure, torch.tensor([-9.0]).double())
    assert not len(single_states([bins])), "a mixture is no state"
    (read,) = paired_states([bins], x[None])
    assert torch.allclose(read, y)
    assert not len(paired_states([bins], torch.stack([x, x + 0.1]))), "of two known ones no third is supposed"


def test_noise_of_the_same_size_tells_nothing(
    deployment: Deployment, trapped: tuple[Learner, dict[str, Tensor]]
) -> None:
    learner, values = trapped
    rng = torch.Generator().manual_seed(0)
    noise: Mapping[str, Tensor] = {
        name: x.std() * torch.randn(x.shape, generator=rng)
        for name, x in gradient_of(learner, batch_of(deployment)).items()
    }
    assert not len(single_states(bins_of(SharedGradient("client1", 1, noise, values))))


def test_clipping_and_fields_left_out_do_not_help(
    deployment: Deployment, trapped: tuple[Learner, dict[str, Tensor]]
) -> None:
    learner, values = trapped
    text = batch_of(deployment)[0]
    sent = {name: 1e-3 * x for name, x in gradient_of(learner, [text]).items()}
    first = {name: x for name, x in sent.items() if "blocks.1" not in name}
    for some, least in ((sent, len(text)), (first, len(text) // 2)):
        (whole,) = Reader(learner.part, 20).texts(bins_of(SharedGradient("client1", 1, some, values)))
        assert whole.items() <= set(enumerate(text)) and len(whole) >= least
    assert not bins_of(SharedGradient("client1", 1, {}, values)), "of an empty message nothing is read"


def test_parties_are_told_nothing_of_the_server(deployment: Deployment) -> None:
    assert not {"server", "attacked", "known_ids"} & set(deployment.parties["client1"].settings)
    assert deployment.malicious and deployment.entitlement["server"].startswith("malicious")
    assert "server" not in deploy_honest(deployment).entitlement


def deploy_honest(deployment: Deployment) -> Deployment:
    folder = Path(str(deployment.parties["client1"].parts["model"].model)).parent
    return deploy(folder, model=str(toy_bert(folder)))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rounds": 1}, "after the first"),
        ({"trained": ["attention", "head"]}, "mlp, norms"),
        ({"layers": [0]}, "all weights of all blocks"),
        ({"method": "fedavg"}, "fedsgd"),
        ({"task": "language_modelling"}, "encoders"),
    ],
)
def test_settings_with_which_it_cannot_work_are_refused(changes: dict[str, object], problem: str) -> None:
    base: dict[str, object] = {"model": "m", "data": "d", "server": "malicious", "rounds": 2}
    assert any(problem in sentence for sentence in Settings.model_validate(base | changes).problems())


def test_causal_models_are_refused(toy_folder: Path) -> None:
    with pytest.raises(SuiteError, match="causal"):
        deploy(toy_folder, server="malicious", rounds=2)


def test_view_of_an_unaltered_model_is_refused(toy_folder: Path) -> None:
    with pytest.raises(SuiteError, match="behaviour malicious"):
        GradientImprint().guess(gradient_view(deploy(toy_folder, model=str(toy_bert(toy_folder)))))
