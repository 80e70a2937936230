"""Membership by inner products of gradients: through noise that hides row spaces, and nothing from noise alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from attacks.membership_inference.gradient_alignment import GradientAlignment
from attacks.membership_inference.gradient_residual import GradientResidual
from attacks.toolkit.gradient_space.alignment import Background, Example, gradient_of
from harness.attack import Candidate, GradientFacts, auc
from harness.models.learner import Learner, LearnerSpec
from harness.models.split import public_part
from harness.scenario.deployment import Deployment
from tests.stand_ins.gradient_world import GradientView, deploy, gradient_view, toy_bert, toy_llama


def asking(deployment: Deployment, view: GradientView) -> list[int]:
    """Ask for all records of one party; 1 for those in its batch."""
    records = deployment.parties["client1"].records
    view.candidates = [Candidate(f"k{i}", r.text, r.label, "client1") for i, r in enumerate(records)]
    return [int(i < deployment.public.need(GradientFacts).batch_size) for i in range(len(records))]


def noisy(scale: float) -> Callable[[Tensor], Tensor]:
    rng = torch.Generator().manual_seed(3)
    return lambda x: 0.5 * x + scale * torch.randn(x.shape, generator=rng)


def replaced(seed: int) -> Callable[[Tensor], Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return lambda x: x.std() * torch.randn(x.shape, generator=rng)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("model", [toy_llama, toy_bert])
def test_members_are_told_through_noise_that_hides_the_row_space(
    toy_folder: Path, model: Callable[[Path], Path], adaptive: bool
) -> None:
    deployment = deploy(toy_folder, model=str(model(toy_folder)), auxiliary=24)
    for scale in (0.0, 0.01):
        view = gradient_view(deployment, noisy(scale))
        view.adaptive = adaptive
        inside = asking(deployment, view)
        guess = GradientAlignment().guess(view)
        assert auc([guess[c.id] for c in view.candidates], inside) >= 0.8, scale  # toy records share their words
    blurred = GradientResidual().guess(view)
    assert len(set(blurred.values())) == 1


def test_content_free_messages_tell_nothing(toy_folder: Path) -> None:
    deployment = deploy(toy_folder)
    areas = []
    for seed in range(8):
        view = gradient_view(deployment, replaced(seed))
        inside = asking(deployment, view)
        guess = GradientAlignment().guess(view)
        areas.append(auc([guess[c.id] for c in view.candidates], inside))
    assert 0.25 < sum(areas) / len(areas) < 0.75


def test_sums_of_clients_are_read_too(toy_folder: Path) -> None:
    deployment = deploy(toy_folder)
    view = gradient_view(deployment)
    inside = asking(deployment, view)
    total = view.transcript[0].message.replace(
        **{n: sum(seen.message[n] for seen in view.transcript) for n in view.transcript[0].message.payload}
    )
    view.transcript = [type(view.transcript[0])("sum", "server", total)]
    guess = GradientAlignment().guess(view)
    assert auc([guess[c.id] for c in view.candidates], inside) == 1.0


def test_projections_are_those_of_the_definition(toy_folder: Path) -> None:
    """Against gradients of one tensor by ``backward``, in double precision, with the least squares written out."""
    learner = Learner(
        public_part(str(toy_llama(toy_folder)), 0, None, False), LearnerSpec(classes=2, trained=("head",))
    )
    names = list(learner.named_trained())
    rng = torch.Generator().manual_seed(0)
    texts = [Example(torch.randint(5, 60, (6,), generator=rng).tolist(), i % 2) for i in range(9)]
    message = 0.25 * (gradient_of(learner, texts[:1], names) + gradient_of(learner, texts[7:8], names))[None]
    background = Background(learner, names, message, texts[1:5], texts[5:7])

    def slow(one: Example) -> dict[str, Tensor]:
        learner.zero_grad()
        learner.loss(
            (torch.tensor([one.ids]), torch.ones(1, 6, dtype=torch.bool), torch.tensor([one.label]))
        ).backward()
        return {n: p.grad.double() for n, p in learner.named_trained().items() if p.grad is not None}

    def dot(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
        return float(sum((a[n] * b[n]).sum() for n in a))

    def plus(a: dict[str, Tensor], b: dict[str, Tensor], factor: float) -> dict[str, Tensor]:
        return {n: a[n] + factor * b[n] for n in a}

    own = [slow(one) for one in texts]
    means = [plus(own[i], own[i + 2], 1.0) for i in (2, 1)]  # classes 0 and 1 of texts[1:5]
    means = [{n: x / 2 for n, x in mean.items()} for mean in means]
    sent = {n: (own[0][n] + own[7][n]) / 4 for n in own[0]}
    gram = torch.tensor([[dot(a, b) for b in means] for a in means], dtype=torch.float64)
    shares = torch.linalg.solve(gram, torch.tensor([dot(a, sent) for a in means], dtype=torch.float64))
    left = plus(plus(sent, means[0], -float(shares[0])), means[1], -float(shares[1]))

    def projection(i: int) -> float:
        moved = plus(own[i], means[texts[i].label], -1.0)
        return float(dot(left, moved) / dot(moved, moved) ** 0.5)

    strangers = torch.tensor([projection(5), projection(6)], dtype=torch.float64)
    expected = (projection(8) - strangers.mean()) / strangers.std()
    assert float(background(texts[8])[0]) == pytest.approx(float(expected), rel=1e-3)
    assert float(background.shares) == pytest.approx(float(shares.sum()), rel=1e-4)


def test_a_candidate_of_a_silent_party_gets_no_evidence(toy_folder: Path) -> None:
    deployment = deploy(toy_folder)
    view = gradient_view(deployment)
    view.candidates = [Candidate("k", "a text", deployment.parties["client1"].records[0].label, "client9")]
    assert GradientAlignment().guess(view) == {"k": 0.0}


def test_a_direction_that_all_texts_share_hides_no_member(toy_folder: Path) -> None:
    """A client adds the gradient of public texts, three times over, which the server could subtract."""
    deployment = deploy(toy_folder, auxiliary=24)
    view = gradient_view(deployment)
    learner = Learner(
        public_part(deployment.public.need(GradientFacts).model, 0, None, False),
        LearnerSpec.of(deployment.public.need(GradientFacts).learner),
    )
    names = list(view.transcript[0].message.payload)
    rng = torch.Generator().manual_seed(1)
    shared = [Example(torch.randint(5, 60, (8,), generator=rng).tolist(), n % 2) for n in range(16)]
    added = 3 * gradient_of(learner, shared, names)
    changed = []
    for seen in view.transcript:
        tensors = seen.message.tensors()
        parts = added.split([tensors[name].numel() for name in names])
        more = {n: tensors[n] + part.reshape(tensors[n].shape) for n, part in zip(names, parts, strict=True)}
        changed.append(type(seen)(seen.sender, seen.receiver, seen.message.replace(**more)))
    view.transcript = changed
    view.adaptive = False
    inside = asking(deployment, view)
    guess = GradientAlignment().guess(view)
    assert auc([guess[c.id] for c in view.candidates], inside) >= 0.8
