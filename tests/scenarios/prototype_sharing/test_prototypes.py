"""Class means, their aggregation and FedTGP's prototypes, against slow definitions and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DefenseError
from harness.models.meter import Meter
from harness.protocol.training import TrainingPlan, fresh, train
from harness.wire.message import Kind, Message
from scenarios.prototype_sharing.model import Model, make_model
from scenarios.prototype_sharing.protocol import local_loss
from scenarios.prototype_sharing.prototypes import Prototypes, averaged, class_means, nearest, read
from scenarios.prototype_sharing.trained import Generator, adaptive_margin, contrastive_loss


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def data(seed, n, d=5, classes=4):
    return torch.randn(n, d, generator=rng(seed)), torch.randint(classes, (n,), generator=rng(seed + 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 40))
def test_class_means_are_means_over_each_class(seed, n):
    x, y = data(seed, n)
    own = class_means(x, y)
    assert own.classes == sorted(set(y.tolist()))
    for name, mean, count in zip(own.classes, own.means, own.counts, strict=True):
        assert torch.allclose(mean, x[y == name].mean(0), atol=1e-6) and count == (y == name).sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(2, 40), st.integers(2, 5))
def test_weighted_average_is_the_mean_of_all_records(seed, n, parties):
    """FedProto's equation 6: weighting by counts undoes the division, however records were split."""
    x, y = data(seed, n)
    home = torch.randint(parties, (n,), generator=rng(seed + 2))
    uploads = [class_means(x[home == k], y[home == k]) for k in range(parties) if (home == k).any()]
    whole, made = class_means(x, y), averaged(uploads, True, 5)
    assert made.classes == whole.classes
    assert torch.allclose(made.means, whole.means, atol=1e-5)


def test_unweighted_average_counts_every_sender_once():
    one = Prototypes([0, 2], torch.tensor([[1.0], [5.0]]), torch.tensor([9.0, 1.0]))
    two = Prototypes([0], torch.tensor([[3.0]]), torch.tensor([1.0]))
    assert averaged([one, two], False, 1).means.tolist() == [[2.0], [5.0]]
    assert averaged([one, two], True, 1).means[0, 0] == pytest.approx(1.2)


def test_noisy_counts_below_zero_have_no_weight():
    one = Prototypes([0], torch.tensor([[1.0]]), torch.tensor([-2.0]))
    two = Prototypes([0], torch.tensor([[3.0]]), torch.tensor([0.5]))
    assert averaged([one, two], True, 1).means.tolist() == [[3.0]]
    assert averaged([one], True, 1).means.tolist() == [[1.0]]
    assert averaged([], True, 7).means.shape == (0, 7)


def test_nearest_is_by_euclidean_distance():
    shared = Prototypes([3, 1], torch.tensor([[0.0, 0.0], [2.0, 0.0]]))
    assert nearest(torch.tensor([[0.9, 9.0], [1.1, -9.0]]), shared) == [3, 1]
    assert nearest(torch.zeros(2, 2), Prototypes([], torch.zeros(0, 2))) == [0, 0]


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"classes": [0, 1], "means": torch.zeros(1, 3)}, r"means of shape \[1, 3\], not \[k, 3\]"),
        ({"classes": [0, 9], "means": torch.zeros(2, 3)}, "outside the label set"),
        ({"classes": [1, 1], "means": torch.zeros(2, 3)}, "a class twice"),
        ({"classes": [1], "means": torch.zeros(1, 3), "counts": torch.zeros(2)}, r"counts of shape \[2\]"),
    ],
)
def test_malformed_uploads_are_refused(payload, problem):
    with pytest.raises(DefenseError, match=problem):
        read(Message(Kind.PROTOTYPE, payload), 4, 3)


CORNERS = [Prototypes([0, 1, 2], torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]]))]


def test_margins_of_a_triangle():
    """Sides 3, 4, 5: the paper takes the longest, the released code the largest of the nearest distances (3, 3, 4)."""
    assert adaptive_margin(CORNERS, "paper", 100.0) == pytest.approx(5.0)
    assert adaptive_margin(CORNERS, "code", 100.0) == pytest.approx(4.0)
    assert adaptive_margin(CORNERS, "paper", 2.5) == 2.5
    assert adaptive_margin([Prototypes([1], torch.ones(1, 2))], "paper", 100.0) == 0.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0, 3))
def test_contrastive_loss_is_equation_7(seed, margin):
    sent, names = data(seed, 6, d=3)
    table = torch.randn(4, 3, generator=rng(seed + 5))
    total = 0.0
    for p, name in zip(sent, names.tolist(), strict=True):
        own = math.exp(-(float((p - table[name]).norm()) + margin))
        others = sum(math.exp(-float((p - q).norm())) for c, q in enumerate(table) if c != name)
        total -= math.log(own / (own + others))
    assert float(contrastive_loss(lambda: table, (sent, names), margin)) == pytest.approx(total / 6, rel=1e-4)


def test_trained_prototypes_separate_classes():
    """They classify what clients sent, and a class that nobody sent gets one too."""
    corners = torch.tensor([[1.0, 0.2], [0.8, -0.2], [-1.0, 0.2], [-0.8, -0.2]])
    sent, names = torch.nn.functional.pad(corners, (0, 14)), torch.tensor([0, 0, 1, 1])
    generator = fresh(Generator(3, 16), rng())
    train(
        generator,
        lambda model, batch: contrastive_loss(model, batch, 1.0),
        TrainingPlan((sent, names), 400, 4, 0.1, "sgd"),
        rng(),
        Meter(),
    )
    made = generator().detach()
    assert made.shape == (3, 16)
    assert nearest(sent, Prototypes([0, 1, 2], made)) == [0, 0, 1, 1]


SHAPE = {"width": 8, "rank": 3, "reach": 0.5, "labels": ["a", "b"]}


def test_an_adapter_starts_as_the_identity_and_features_have_norm_one():
    x = torch.nn.functional.normalize(torch.randn(9, 8, generator=rng()), dim=1)

    def draw(module):
        return fresh(module, rng())

    adapter = make_model({"features": "adapter", **SHAPE}, 8, draw)
    assert torch.allclose(adapter.features(x), x, atol=1e-6)
    assert torch.equal(make_model({"features": "frozen", **SHAPE}, 8, draw).features(x), x)
    projected = make_model({"features": "projection", **SHAPE, "width": 3}, 8, draw).features(x)
    assert projected.shape == (9, 3)
    assert torch.allclose(projected.norm(dim=1), torch.ones(9), atol=1e-6)


def test_the_local_loss_pulls_towards_known_prototypes_alone():
    model = fresh(Model("frozen", 3, 3, 1, 1.0, 2), rng())
    x, y = torch.eye(3)[:2], torch.tensor([0, 1])
    targets, known = torch.tensor([[0.0, 1.0, 0.0], [7.0, 7.0, 7.0]]), torch.tensor([1.0, 0.0])
    loss, features = local_loss(model, (x, y, targets, known), 3.0)
    entropy = torch.nn.functional.cross_entropy(model(x)[1], y)
    assert torch.equal(features, x)
    assert float((loss - entropy).detach()) == pytest.approx(3.0 * 2.0 / 2)  # |e1 - e2|^2 = 2, one of two records
