"""Words of single embeddings: on a tiny random encoder, and on real tweets with MiniLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from attacks.embedding_inversion.prototype_inversion.wording import Budget, Sentences, fit_reader, reword
from harness.metrics.recovery import token_f1
from harness.models import load_part
from harness.util.seeds import numpy_generator
from tests.stand_ins.split_view import tiny_model, words
from tests.stand_ins.split_worlds import random_texts


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Sentences:
    part = load_part(tiny_model(tmp_path_factory.mktemp("bert"), "bert"), 0, None).requires_grad_(False)
    return Sentences(part, (1,), (2,), 12)


def vectors_of(sentences: Any, texts: Sequence[str]) -> Any:
    """Embeddings by the encoder alone, one text at a time."""
    rows = [sentences.part(torch.tensor([[1, *ids, 2]]))[0].mean(0) for ids in texts]
    return torch.nn.functional.normalize(torch.stack(rows), dim=-1)


def corpus(size: int = 212) -> Any:
    return [tuple(words(text)) for text in random_texts(size, 5)]


def test_cosines_and_slopes_are_those_of_the_encoder(tiny: Any) -> None:
    texts = corpus(6)
    vectors = vectors_of(tiny, texts)
    np.testing.assert_allclose(tiny.cosines(texts, vectors[0]), (vectors @ vectors[0]).tolist(), atol=1e-5)
    ids, target, step = texts[1], vectors[0], 1e-2
    slope = tiny.slope(ids, target)
    x = tiny.part.embed_table.detach()[torch.tensor([ids])].clone()
    rise = []
    for sign in (1, -1):
        moved = x.clone()
        moved[0, 0] += sign * step * slope[0] / slope[0].norm()
        rise.append(float(tiny.embed(moved)[0] @ target))
    assert (rise[0] - rise[1]) / (2 * step) == pytest.approx(float(slope[0].norm()), rel=0.05)


@pytest.mark.slow
def test_what_is_found_embeds_nearer_than_any_own_text(tiny: Any) -> None:
    texts = corpus()
    own, private = texts[12:], texts[:12]
    reader = fit_reader(own, vectors_of(tiny, own))
    budget = Budget(steps=8, tries=12)
    for target in vectors_of(tiny, private):
        ids = reword(target, reader, tiny, budget, np.random.default_rng(0))
        assert tiny.cosines([ids], target)[0] > float((reader.vectors @ target).max())
        assert ids == reword(target, reader, tiny, budget, np.random.default_rng(0))


@pytest.mark.slow
def test_a_vector_of_noise_tells_no_more_words_than_a_guess(tiny: Any) -> None:
    texts = corpus()
    own, private = texts[40:], texts[:40]
    reader, rng = fit_reader(own, vectors_of(tiny, own)), np.random.default_rng(0)
    noise = torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(40, reader.vectors.shape[1]))).float())
    guesses = [reword(one, reader, tiny, Budget(1, 8, 4), rng) for one in noise]
    matched = np.mean([token_f1(a, b) for a, b in zip(guesses, private, strict=True)])
    shuffled = np.mean([token_f1(a, b) for a, b in zip(guesses, private[1:] + private[:1], strict=True)])
    assert abs(matched - shuffled) < 0.06


def test_declared_noise_shrinks_the_reader_as_noisy_copies_do(tiny: Any) -> None:
    own = corpus(60)
    vectors = vectors_of(tiny, own).double()
    noise, rng = 0.02, np.random.default_rng(0)
    copies = vectors.repeat(400, 1) + noise**0.5 * torch.from_numpy(rng.normal(size=(400 * len(own), vectors.shape[1])))
    slow = fit_reader(own * 400, copies).occurs.weight
    fast = fit_reader(own, vectors, noise).occurs.weight
    plain = fit_reader(own, vectors).occurs.weight
    assert float((fast - slow).norm()) < 0.5 * float((plain - slow).norm())


@pytest.mark.slow
@pytest.mark.timeout(1500)  # minutes of search on one core
def test_half_of_the_tokens_of_real_tweets_are_read_off_their_embeddings() -> None:
    """Positive control (undefended: F1 of at least 0.5 over tokens), beside the nearest own text."""
    from harness.data import load, records
    from harness.data.split import draw
    from harness.models.embeddings import embed
    from harness.models.refs import Encoder, PartRef
    from harness.models.tokens import load_tokens, tokenizer_folder

    model = "all-minilm-l6-v2"
    pool = records(load("health_tweets", label_column="group"))
    splits = draw(pool, {"private": 24, "auxiliary": 4000}, numpy_generator("wording", 0), balance=False)
    encoder, tokens = Encoder(PartRef(model, 0, None), 32), load_tokens(tokenizer_folder(model))

    def read(part: Any) -> Any:
        texts = [record.text for record in part]
        return [tuple(tokens.encode(text)[:32]) for text in texts], embed(encoder, texts)

    (own, known), (private, targets) = read(splits.auxiliary), read(splits.private)
    sentences = Sentences(
        load_part(model, 0, None).requires_grad_(False), tuple(tokens.prefix), tuple(tokens.suffix), 32
    )
    reader, rng = fit_reader(own, known), np.random.default_rng(0)
    guesses = [reword(target, reader, sentences, Budget(), rng) for target in targets]
    nearest = [own[i] for i in (targets @ known.T).argmax(1).tolist()]
    score = [np.mean([token_f1(a, b) for a, b in zip(some, private, strict=True)]) for some in (guesses, nearest)]
    assert score[0] > 0.5 and score[1] < 0.35, f"token F1: searched, nearest {score}"
