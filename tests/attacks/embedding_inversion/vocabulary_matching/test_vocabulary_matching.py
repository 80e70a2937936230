from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from attacks.embedding_inversion.vocabulary_matching import VocabularyMatching, beam
from attacks.embedding_inversion.vocabulary_matching.beam import Beam, invert_by_beam
from attacks.embedding_inversion.vocabulary_matching.candidates import fit_discriminant, fit_state_law
from attacks.embedding_inversion.vocabulary_matching.exact import Found, Job, invert_exactly, other_turn
from attacks.embedding_inversion.vocabulary_matching.hunt import Effort, Hunt, Problem, exhaust, refine
from attacks.embedding_inversion.vocabulary_matching.prior import unigram
from attacks.toolkit.defense_channel.channel import open_channel
from attacks.toolkit.defense_channel.maps import Rounding
from attacks.toolkit.defense_channel.noise import Noise
from attacks.toolkit.readers.hidden_states import auxiliary_sequences, forward_part, private_slice, token_states
from harness.attack import NoiseLaw
from harness.models import PrefixTree
from tests.stand_ins.split_view import SplitView, isotropic, tiny_model, token_accuracy
from tests.stand_ins.split_worlds import noise_instead, random_texts, tiny_view


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return {family: tiny_model(tmp_path_factory.mktemp(family), family) for family in ("llama", "gpt2", "bert")}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A vocabulary of 12 ordinary tokens: small enough to enumerate all texts."""
    return tiny_model(tmp_path_factory.mktemp("small"), vocabulary=15, seed=5)


def attack(**changes: Any) -> VocabularyMatching:
    return VocabularyMatching(**{"texts": 150, "probes": 60, "steps": 20, **changes})


def problem_of(view: SplitView, noise: float = 0.0, tolerance: float = 1e-3) -> Problem:
    part = forward_part(view)
    sequences = auxiliary_sequences(view, 150)
    clean = token_states(view, sequences)
    channel = open_channel(clean.states.std(0))
    if noise:
        scale = torch.full((part.hidden_size,), noise)
        channel = type(channel)(channel.map, Noise("gaussian", scale), channel.spread, 9.0)
    allowed = torch.ones(part.vocab_size, dtype=torch.bool)
    allowed[:3] = False
    table = part.embed_table.detach()
    decoder = fit_discriminant(channel, fit_state_law(clean.states, clean.ids, table), table)
    whole = view.part(0, None, head=True)
    return Problem(part, channel, decoder, unigram(sequences, allowed), tolerance, whole)


def jobs_of(view: SplitView) -> Any:
    jobs = []
    for observation in view.observations():
        where = private_slice(view.facts, observation)
        jobs.append(Job(observation.states[where], tail=observation.states[where.stop :]))
    return jobs


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("cut", [0, 1, 3])
@pytest.mark.parametrize("adaptive", [True, False])
def test_undefended_texts_are_recovered_exactly(models: dict[str, str], family: str, cut: int, adaptive: bool) -> None:
    view = tiny_view(models[family], cut, adaptive=adaptive, suffix=(2, 2))
    guess = attack().guess(view)
    assert {key: list(ids) for key, ids in guess.items()} == view.answers()


def test_without_a_language_model_and_with_little_effort_the_scan_finds_every_token(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 3)
    guess = attack(first=1, wide=1, steps=0, language=False).guess(view)
    assert token_accuracy(view, guess) == 1.0
    problem = problem_of(view)
    least = invert_exactly(problem, jobs_of(view), (1,), Effort(first=1, wide=1, steps=0))
    full = sum(one.tried for one in least)
    most = invert_exactly(problem, jobs_of(view), (1,), Effort(first=120, wide=1, steps=0))
    assert [one.ids for one in least] == [one.ids for one in most]
    assert full < sum(one.tried for one in most)


@pytest.mark.parametrize("first", [(40,), (40, 41, 42)])
def test_words_that_nobody_expects_before_every_text_hide_nothing(
    models: dict[str, str], first: tuple[int, ...]
) -> None:
    view = tiny_view(models["llama"], 2)
    problem = problem_of(view)
    problem.log_frequency[list(first)] = -1e6
    texts = [(*first, *ids[:4]) for ids in view.answers().values()]
    with torch.no_grad():
        jobs = [Job(problem.part(torch.tensor([[1, *text]]))[0, 1:]) for text in texts]
    read = invert_exactly(problem, jobs, (1,), Effort(first=1, wide=1, steps=0))
    assert [one.ids for one in read] == texts


def test_where_the_law_is_wrong_the_vocabulary_is_scanned_for_one_text_alone(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 2)
    problem = problem_of(view)
    jobs = [Job(torch.randn(5, 32, generator=torch.Generator().manual_seed(seed))) for seed in range(10)]
    read = invert_exactly(problem, jobs, (1,), Effort(first=1, wide=1, steps=0))
    assert all(one.distances[0] > problem.tolerance for one in read)
    # Besides that scan each text gets the first try at each of its places, and the language model's four.
    assert 10 * read[0].tried <= 120 + 10 * (5 + 4 + 1)


def test_the_scan_equals_brute_force_by_plain_forwards(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 2)
    problem = problem_of(view, tolerance=0.0)
    prefixes = torch.tensor([[1, 9, 17], [1, 40, 41]])
    rng = torch.Generator().manual_seed(0)
    messages = torch.randn(2, 32, generator=rng)
    hunt = Hunt(problem, PrefixTree(problem.part, prefixes), messages, 3)
    hunt.scores = torch.randn(2, 120, generator=rng) + problem.log_frequency
    exhaust(hunt, Effort())
    for row in range(2):
        whole = torch.cat([prefixes[row].expand(117, 3), torch.arange(3, 120)[:, None]], 1)
        with torch.no_grad():
            states = problem.part(whole)[:, -1]
        distance = ((messages[row] - states) / problem.channel.spread).square().mean(1).sqrt()
        assert hunt.token[row] == 3 + distance.argmin()
        assert float(hunt.distance[row]) == pytest.approx(float(distance.min()), rel=1e-4)


def test_a_soft_embedding_leads_to_the_token_without_a_scan(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 1)
    problem = problem_of(view)
    truth = torch.tensor([[1, 9, 77], [1, 40, 13], [1, 4, 100]])
    with torch.no_grad():
        messages = problem.part(truth)[:, -1]
    hunt = Hunt(problem, PrefixTree(problem.part, truth[:, :2]), messages, 2)
    hunt.test(torch.tensor([[50], [51], [52]]))
    assert refine(hunt, Effort(steps=200, near=4))
    assert torch.equal(hunt.token, truth[:, 2])
    assert hunt.tried < 3 * 60


def sequences_and_scores(view: SplitView, problem: Any, observation: Any) -> Any:
    """Every text of the right length with its score, by plain forwards of whole prompts."""
    where = private_slice(view.facts, observation)
    length = where.stop - where.start
    texts = list(itertools.product(range(3, 15), repeat=length))
    prompts = torch.tensor([[1, *text, *view.facts.suffix] for text in texts])
    with torch.no_grad():
        states, logits = problem.part(prompts), problem.whole(prompts)
    residual = observation.states[1:] - states[:, 1:]
    fit = torch.distributions.Normal(0.0, problem.channel.noise.scale).log_prob(residual).sum((1, 2))
    mixed = (0.9 * logits.softmax(-1) + 0.1 * problem.log_frequency.exp()).log()
    chosen = prompts[:, 1 : 1 + length, None]
    return texts, fit + mixed[:, :length].gather(2, chosen).sum((1, 2))


@pytest.mark.parametrize("suffix", [(), (2, 4)])
def test_a_wide_beam_finds_the_most_probable_text_of_all(small: str, suffix: Any) -> None:
    secrets = {f"s{n}": text for n, text in enumerate(random_texts(10, 3, length=6, last=15))}
    options: dict[str, Any] = {"secrets": secrets, "auxiliary": random_texts(80, 2, length=6, last=15), "max_tokens": 2}
    view = SplitView(small, 2, **options, suffix=suffix, deploy=isotropic(3.0))
    problem = problem_of(view, noise=3.0)
    texts = invert_by_beam(problem, jobs_of(view), (1,), suffix, Beam(width=144, fan=12))
    wrong = 0
    for observation, ids in zip(view.observations(), texts, strict=True):
        candidates, scores = sequences_and_scores(view, problem, observation)
        assert ids == candidates[int(scores.argmax())]
        wrong += list(ids) != view.answers()[observation.record]
    assert wrong > 0, "the noise is too low for the prior to matter"


def test_texts_of_unequal_length_and_empty_ones_keep_their_places(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 2)
    view.secrets = {"a": "5 6 7 8 9", "b": "", "c": "10", "d": "11 12 13"}
    view.__post_init__()
    assert dict(attack().guess(view)) == view.answers()
    noisy = problem_of(view, noise=1e-3)
    texts = invert_by_beam(noisy, jobs_of(view), (1,), (), Beam(width=2, fan=8))
    assert [list(ids) for ids in texts] == list(view.answers().values())


@pytest.mark.parametrize("noise", [0.3, 1.5])
def test_sparing_candidates_and_language_model_costs_no_accuracy(
    models: dict[str, str], noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = tiny_view(models["llama"], 2, deploy=isotropic(noise))
    problem = problem_of(view, noise=noise)
    single = Beam(width=1, fan=8)
    sparing = invert_by_beam(problem, jobs_of(view), (1,), (), single)
    monkeypatch.setattr(beam, "SURE", float("inf"))  # nothing is ever clear: the whole fan and the model, each time
    full = invert_by_beam(problem, jobs_of(view), (1,), (), single)
    names = [one.record for one in view.observations()]
    reached = [token_accuracy(view, dict(zip(names, texts, strict=True))) for texts in (sparing, full)]
    assert reached[0] >= reached[1] - 0.01


def test_twice_the_texts_take_no_more_than_twice_the_alternatives(models: dict[str, str]) -> None:
    secrets = {f"s{number}": text for number, text in enumerate(random_texts(24, 1))}
    tried = []
    for count in (8, 24):
        view = SplitView(models["llama"], 3, dict(list(secrets.items())[:count]), random_texts(150, 2), max_tokens=8)
        texts = invert_exactly(problem_of(view), jobs_of(view), (1,), Effort(first=4, wide=16, steps=0))
        tried.append(sum(one.tried for one in texts) / sum(len(one.ids) for one in texts))
    assert tried[1] <= 1.3 * tried[0]


def rotation(rng: torch.Generator) -> Callable[..., Any]:
    turn = torch.linalg.qr(torch.randn(32, 32, generator=rng)).Q
    return lambda states, position, noise: states @ turn


def permutation(rng: torch.Generator) -> Callable[..., Any]:
    order = torch.randperm(32, generator=rng)
    return lambda states, position, noise: states[:, order]


def scaling(rng: torch.Generator) -> Callable[..., Any]:
    factor = 0.2 + float(torch.rand(1, generator=rng))
    return lambda states, position, noise: factor * states


def repeated_noise(rng: torch.Generator) -> Callable[..., Any]:
    seed = int(torch.randint(2**31, (1,), generator=rng))
    return lambda states, position, noise: (
        states + 2 * torch.randn(states.shape, generator=torch.Generator().manual_seed(seed))
    )


def rounding(rng: np.random.Generator) -> Callable[..., Any]:
    return lambda states, position, noise: Rounding(127).expect(states)


@pytest.mark.parametrize("deploy", [rotation, permutation, scaling, repeated_noise, rounding])
def test_obfuscation_is_no_protection_against_the_adaptive_attack(models: dict[str, str], deploy: Any) -> None:
    view = tiny_view(models["llama"], 2, deploy=deploy, known=random_texts(120, 9, length=10))
    assert token_accuracy(view, attack().guess(view)) > 0.95


def test_the_oblivious_attack_is_misled_by_a_rotation_and_says_nothing(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 2, deploy=rotation, adaptive=False)
    assert token_accuracy(view, attack(scan=0).guess(view)) < 0.1


def test_noise_of_the_right_shape_leaves_chance(models: dict[str, str]) -> None:
    for adaptive in (True, False):
        view = tiny_view(models["llama"], 2, deploy=noise_instead, adaptive=adaptive)
        assert token_accuracy(view, attack(scan=0).guess(view)) < 0.08


def test_declared_noise_is_seen_through_and_more_noise_protects_more(models: dict[str, str]) -> None:
    hits = []
    for std in (0.1, 1.0, 8.0):
        view = tiny_view(models["llama"], 2, deploy=isotropic(std), laws=(NoiseLaw("gaussian", std),))
        hits.append(token_accuracy(view, attack().guess(view)))
    assert hits[0] > 0.95 and hits[0] >= hits[1] > hits[2]


def test_the_rival_of_the_last_doubtful_token_is_tried_when_nothing_fits_later() -> None:
    job = Job(torch.zeros(4, 2))
    spoiled = Found((5, 6, 7, 8), (0.0, 0.0, 0.9, 0.9), (-1, 9, -1, -1))
    again = other_turn(job, spoiled, 0.1)
    assert again is not None and again.forced == (5, 9)
    assert other_turn(job, Found((5, 6), (0.0, 0.0), (9, 9)), 0.1) is None
    assert other_turn(again, Found((5, 9, 7, 8), (0.0, 0.0, 0.9, 0.9), (-1, 6, -1, -1)), 0.1) is None


def test_forced_tokens_are_kept_and_a_wrong_one_shows(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 2)
    problem = problem_of(view)
    job, truth = jobs_of(view)[0], next(iter(view.answers().values()))
    wrong = 3 if truth[0] != 3 else 4
    texts = invert_exactly(problem, [Job(job.messages, forced=(wrong,))], (1,), Effort(scan=0))[0]
    assert texts.ids[0] == wrong and texts.fits(problem.tolerance) == 0


def test_encoders_and_pooled_messages_are_refused(models: dict[str, str]) -> None:
    assert "encoder" in str(attack().refuses(tiny_view(models["bert"], 2).public))
    assert "pooled" in str(attack().refuses(tiny_view(models["llama"], 2, pooled=True).public))
    assert attack().refuses(tiny_view(models["llama"], 2).public) is None


def test_no_texts_no_guesses(models: dict[str, str]) -> None:
    view = tiny_view(models["llama"], 2)
    view.secrets = {}
    view.__post_init__()
    assert attack().guess(view) == {}
