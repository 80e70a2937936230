from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Laplace, Normal

from attacks.toolkit.defense_channel.channel import fit_channel, open_channel
from attacks.toolkit.defense_channel.live import live_channel, with_plain
from attacks.toolkit.defense_channel.maps import Clip, Rounding
from attacks.toolkit.defense_channel.noise import Noise, fit_noise
from harness.attack import NoiseLaw, Observation
from tests.stand_ins.split_view import SplitView, isotropic, tiny_model

RECORDS, LENGTH = 64, 18


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def states(width: int, seed: int = 0, records: int = RECORDS) -> list[Tensor]:
    """Correlated states with coordinates of unequal scale, ``records`` texts of 18 positions."""
    rng = torch.Generator().manual_seed(7)
    mixing = torch.randn(width, width, generator=rng) / width**0.5
    scale, centre = torch.randn(width, generator=rng).exp(), torch.randn(width, generator=rng)
    rng.manual_seed(seed)
    return [torch.randn(LENGTH, width, generator=rng) @ mixing * scale + centre for _ in range(records)]


def pairs(defense: Callable[..., Any], width: int = 64, seed: int = 0) -> list[Observation]:
    rng = torch.Generator().manual_seed(100 + seed)
    return [Observation(f"p{n}", defense(x, rng), x) for n, x in enumerate(states(width, seed))]


def largest(x: Tensor, share: float) -> Tensor:
    return x * (x.abs() >= x.abs().topk(int(share * x.shape[-1]), dim=-1).values[..., -1:])


def constants(width: int) -> tuple[Tensor, ...]:
    rng = torch.Generator().manual_seed(3)
    turn = torch.linalg.qr(torch.randn(width, width, generator=rng)).Q
    order = torch.randperm(width, generator=rng)
    offsets = 3 * torch.randn(LENGTH, width, generator=rng)
    mixing = torch.randn(width, width // 2, generator=rng)
    return turn, order, offsets, mixing


TURN, ORDER, OFFSETS, MIXING = constants(64)
LIMIT = 8.0

DETERMINISTIC: dict[str, Callable[..., Any]] = {
    "identity": lambda x, rng: x,
    "scaling": lambda x, rng: 0.3 * x,
    "clip": lambda x, rng: Clip(LIMIT).expect(x),
    "rounding": lambda x, rng: Rounding(127).expect(x),
    "permutation": lambda x, rng: x[:, ORDER],
    "rotation": lambda x, rng: 2.0 * x @ TURN + 1.0,
    "clip then rotation": lambda x, rng: Clip(LIMIT).expect(x) @ TURN,
    "affine": lambda x, rng: x @ MIXING,
    "identity, per-position constants": lambda x, rng: x + OFFSETS,
    "rotation, per-position constants": lambda x, rng: x @ TURN + OFFSETS,
    "identity, 91% of coordinates withheld": lambda x, rng: largest(x, 0.1),
    "scaling, 70% of coordinates withheld": lambda x, rng: (torch.rand(x.shape, generator=rng) < 0.3) * x / 0.3,
}


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_defenses_are_identified_and_explain_new_pairs(name: str) -> None:
    channel = fit_channel(pairs(DETERMINISTIC[name]), skip=1)
    assert channel.describe().startswith(f"fitted: {name}")
    assert not channel.noisy
    fresh = pairs(DETERMINISTIC[name], seed=9)
    for pair in fresh[:8]:
        for position in range(1, LENGTH):
            own, other = pair.plain, fresh[20].plain
            assert own is not None and other is not None
            plain = torch.stack([own[position], other[position], own[position - 1]])
            distance = channel.distance(pair.states[position], plain, position)
            assert distance[0] <= channel.tolerance
            assert distance[1:].min() > 5 * channel.tolerance


@pytest.mark.parametrize("name", ["scaling", "permutation", "rotation", "rotation, per-position constants"])
def test_lossless_defenses_are_undone(name: str) -> None:
    channel = fit_channel(pairs(DETERMINISTIC[name]), skip=1)
    for pair in pairs(DETERMINISTIC[name], seed=5)[:4]:
        assert pair.plain is not None
        torch.testing.assert_close(channel.invert(pair.states[1:], 1), pair.plain[1:], atol=2e-4, rtol=2e-4)


def test_a_rotation_of_a_transformer_sized_state_is_found_from_a_thousand_tokens() -> None:
    turn, *_ = constants(576)
    channel = fit_channel(pairs(lambda x, rng: x @ turn, 576), skip=1)
    assert channel.describe().startswith("fitted: rotation")
    for pair in pairs(lambda x, rng: x @ turn, 576, seed=4)[:3]:
        assert pair.plain is not None
        assert channel.distance(pair.states, pair.plain.unsqueeze(1), torch.arange(LENGTH)).max() <= channel.tolerance


@pytest.mark.parametrize(("kind", "law"), [("gaussian", Normal), ("laplace", Laplace)])
def test_fitted_noise_is_the_noise_that_was_added(kind: str, law: Any) -> None:
    scale = 1.5

    def defense(x: Tensor, rng: torch.Generator) -> Tensor:
        uniform = torch.rand(x.shape, generator=rng).clamp(1e-6, 1 - 1e-6)
        return torch.as_tensor(x + law(0.0, scale).icdf(uniform))

    channel = fit_channel(pairs(defense), skip=1)
    assert channel.noise.kind == kind and channel.noisy
    torch.testing.assert_close(channel.noise.scale, torch.full((64,), scale), atol=0.1, rtol=0.1)
    pair = pairs(defense, seed=2)[0]
    assert pair.plain is not None
    alternatives = torch.stack([pair.plain, pair.plain.roll(1, 0)], 1)
    densities = channel.log_density(pair.states, alternatives, torch.arange(LENGTH))
    expected = law(alternatives, channel.noise.scale).log_prob(pair.states.unsqueeze(1)).sum(-1)
    torch.testing.assert_close(densities, expected, atol=1e-2, rtol=1e-4)
    assert (densities[:, 0] > densities[:, 1]).all()


def test_noise_of_unequal_scales_is_fitted_by_coordinate() -> None:
    scale = torch.linspace(0.2, 4.0, 64)
    channel = fit_channel(pairs(lambda x, rng: x + scale * torch.randn(x.shape, generator=rng)), skip=1)
    assert (channel.noise.scale / scale).log().abs().max() < 0.35


def test_declared_laws_are_used_as_they_stand() -> None:
    def defense(x: Tensor, rng: torch.Generator) -> Tensor:
        return Clip(LIMIT).expect(x) + 2.0 * torch.randn(x.shape, generator=rng)

    channel = fit_channel(pairs(defense), (NoiseLaw("gaussian", 2.0, LIMIT),), skip=1)
    assert channel.origin == "declared"
    assert torch.equal(channel.noise.scale, torch.full((64,), 2.0))
    plain = states(64)[0]
    torch.testing.assert_close(channel.expect(plain), plain * (LIMIT / plain.norm(dim=1, keepdim=True)).clamp_max(1))


def test_a_declared_law_followed_by_an_undeclared_rotation_is_noticed() -> None:
    def defense(x: Tensor, rng: torch.Generator) -> Tensor:
        return (Clip(LIMIT).expect(x) + 0.3 * torch.randn(x.shape, generator=rng)) @ TURN

    channel = fit_channel(pairs(defense), (NoiseLaw("gaussian", 0.3, LIMIT),), skip=1)
    assert channel.origin == "fitted" and "rotation" in channel.describe()
    assert channel.noise.scale.mean() == pytest.approx(0.3, rel=0.3)


def test_laplace_laws_clip_in_their_own_norm() -> None:
    def defense(x: Tensor, rng: torch.Generator) -> Tensor:
        short = x * (20.0 / x.abs().sum(1, keepdim=True)).clamp_max(1)
        uniform = torch.rand(x.shape, generator=rng).clamp(1e-6, 1 - 1e-6)
        return torch.as_tensor(short + Laplace(0.0, 0.5).icdf(uniform))

    channel = fit_channel(pairs(defense), (NoiseLaw("laplace", 0.5, 20.0),), skip=1)
    assert channel.origin == "declared"
    assert channel.expect(states(64)[0]).abs().sum(1).max() <= 20.001


@pytest.mark.parametrize("name", ["identity", "rotation", "scaling, 70% of coordinates withheld"])
def test_screening_ranks_a_vocabulary_as_the_density_does(name: str) -> None:
    def defense(x: Tensor, rng: torch.Generator) -> Tensor:
        sent: Tensor = DETERMINISTIC[name](x, rng)
        return sent + 0.5 * torch.randn(x.shape, generator=rng) * (sent != 0)

    channel = fit_channel(pairs(defense), skip=1)
    pair, table = pairs(defense, seed=3)[0], torch.cat(states(64, 8))[:200]
    fast = channel.screen(pair.states, table, 0)
    slow = channel.log_density(pair.states, table, 0)
    torch.testing.assert_close(fast - fast[:, :1], slow - slow[:, :1], atol=0.05, rtol=1e-3)


def test_imitation_has_the_law_of_the_messages() -> None:
    def defense(x: Tensor, rng: torch.Generator) -> Tensor:
        return largest(x + 0.5 * torch.randn(x.shape, generator=rng), 0.25)

    channel = fit_channel(pairs(defense), skip=1)
    plain = torch.cat(states(64, 11))
    rng = torch.Generator().manual_seed(0)
    imitated, real = channel.imitate(plain, rng), defense(plain, rng)
    assert abs(float((imitated != 0).float().mean()) - 0.25) < 0.02
    assert imitated.std() == pytest.approx(float(real.std()), rel=0.05)


def test_without_a_defense_the_density_falls_with_the_distance() -> None:
    channel = open_channel(torch.tensor([1.0, 2.0]))
    near = channel.distance(torch.tensor([0.0, 0.0]), torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
    torch.testing.assert_close(near, torch.tensor([1.0, 0.0]))
    near, far = channel.log_density(torch.zeros(2), torch.stack([torch.zeros(2), torch.ones(2)])).tolist()
    assert near > far


def test_noise_below_the_floor_is_raised_to_it() -> None:
    floor = torch.full((5,), 0.1)
    noise = fit_noise(torch.zeros(30, 5), torch.ones(30, 5), floor)
    assert noise.kind == "gaussian" and torch.equal(noise.scale, floor)


def test_samples_have_the_declared_variance() -> None:
    rng = torch.Generator().manual_seed(0)
    for kind in ("gaussian", "laplace"):
        noise = Noise(kind, torch.tensor([0.5, 2.0]))
        drawn = noise.sample(torch.zeros(40000, 2), rng)
        torch.testing.assert_close(drawn.var(0), noise.variance, atol=0.02, rtol=0.05)


def test_too_few_rows_and_missing_plain_states_are_refused() -> None:
    observation = Observation("a", torch.zeros(1, 4), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="at least 2"):
        fit_channel([observation])
    with pytest.raises(ValueError, match="no plain"):
        fit_channel([Observation("a", torch.zeros(3, 4))])


def test_pooled_pairs_have_one_row_each() -> None:
    vectors = [x[0] for x in states(16, records=120)]
    turn = constants(16)[0]
    channel = fit_channel([Observation("p", x @ turn, x) for x in vectors], skip=1, pooled=True)
    assert "rotation" in channel.describe() and not channel.noisy


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.set_num_threads(1)
    return tiny_model(tmp_path_factory.mktemp("llama"))


def random_texts(count: int, seed: int) -> list[str]:
    rng = torch.Generator().manual_seed(seed)
    return [" ".join(map(str, torch.randint(3, 120, (12,), generator=rng).tolist())) for _ in range(count)]


def test_a_secret_of_the_live_deployment_is_taken_from_known_pairs(llama: str) -> None:
    def deploy(rng: torch.Generator) -> Callable[..., Any]:
        turn = torch.linalg.qr(torch.randn(32, 32, generator=rng)).Q
        return lambda states, position, noise: states @ turn

    view = SplitView(llama, 2, {"a": "5 6"}, random_texts(80, 2), deploy=deploy, known=random_texts(60, 3))
    channel = live_channel(view)
    known = view.known_pairs()[0]
    assert known.plain is not None
    assert channel.distance(known.states[3], known.plain[3][None], 3) <= channel.tolerance
    simulated = view.simulate([record.text for record in view.public.auxiliary[:64]])[0]
    assert simulated.plain is not None
    assert channel.distance(simulated.states[3], simulated.plain[3][None], 3) > 100 * channel.tolerance


def test_without_a_secret_simulations_are_enough(llama: str) -> None:
    view = SplitView(llama, 2, {"a": "5 6"}, random_texts(80, 2), deploy=isotropic(0.7), known=random_texts(5, 3))
    channel = live_channel(view)
    assert channel.noise.scale.mean() == pytest.approx(0.7, rel=0.05)


def test_missing_plain_states_are_computed_from_the_public_weights(llama: str) -> None:
    view = SplitView(llama, 2, {"a": "5 6"}, random_texts(3, 2), known=random_texts(2, 3))
    bare = [Observation(pair.record, pair.states, None, pair.ids, pair.prompt_length) for pair in view.known_pairs()]
    for filled, pair in zip(with_plain(view, bare), view.known_pairs(), strict=True):
        torch.testing.assert_close(filled.plain, pair.plain)
    with pytest.raises(ValueError, match="neither plain"):
        with_plain(view, [Observation("x", torch.zeros(2, 32))])
