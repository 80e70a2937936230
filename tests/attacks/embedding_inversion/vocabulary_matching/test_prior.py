from __future__ import annotations

from typing import Any

import pytest
import torch

from attacks.embedding_inversion.vocabulary_matching.prior import LanguagePrior, LazyPrior, UnigramPrior, unigram
from harness.models import load_part
from tests.stand_ins.split_view import tiny_model


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tiny_model(tmp_path_factory.mktemp("gpt2"), "gpt2")


def test_frequencies_sum_to_one_over_the_allowed_tokens() -> None:
    allowed = torch.tensor([False, True, True, True])
    log = unigram([[1, 1, 2], [1]], allowed, pseudo=0.5)
    torch.testing.assert_close(log.exp(), torch.tensor([0.0, 3.5, 1.5, 0.5]) / 5.5)
    prior = UnigramPrior(log, 2)
    prior.commit(torch.tensor([1, 2]))
    prior.select(torch.tensor([0, 0, 1]))
    assert prior.log_probs().shape == (3, 4)


def test_the_language_prior_is_the_mixture_after_every_commit_and_selection(gpt2: str) -> None:
    whole = load_part(gpt2, 0, None, head=True)
    allowed = torch.ones(120, dtype=torch.bool)
    allowed[:3] = False
    frequency = unigram([[5, 6, 7, 7]], allowed)
    prior = LanguagePrior(whole, torch.tensor([[1], [1]]), frequency, share=0.2)
    prior.commit(torch.tensor([5, 9]))
    prior.select(torch.tensor([1, 0, 1]))
    prior.commit(torch.tensor([20, 21, 22]))
    with torch.no_grad():
        plain = whole(torch.tensor([[1, 9, 20], [1, 5, 21], [1, 9, 22]]))[:, -1].softmax(-1)
    expected = (0.8 * plain + 0.2 * frequency.exp()).masked_fill(~allowed, 0.0).log()
    torch.testing.assert_close(prior.log_probs(), expected, atol=1e-4, rtol=1e-4)


def test_the_model_follows_those_texts_alone_that_ask_and_says_the_same_of_them(gpt2: str) -> None:
    whole = load_part(gpt2, 0, None, head=True)
    frequency = unigram([[5, 6, 7, 7]], torch.ones(120, dtype=torch.bool))
    lazy, ids = LazyPrior(whole, frequency, 3), torch.tensor([[1, 5], [1, 9], [1, 7]])
    assert torch.equal(lazy.log_probs(), frequency.expand(3, -1))
    lazy.ask(torch.tensor([2]), ids[[2]], follow=False)
    assert torch.equal(lazy.log_probs()[:2], frequency.expand(2, -1))
    torch.testing.assert_close(lazy.log_probs()[2:], LanguagePrior(whole, ids[[2]], frequency).log_probs())
    lazy.commit(torch.tensor([20, 21, 22]))
    assert not bool(lazy.asked.any()) and torch.equal(lazy.log_probs()[2], frequency)
    ids = torch.cat([ids, torch.tensor([[20], [21], [22]])], 1)
    lazy.ask(torch.tensor([1]), ids[[1]])
    lazy.ask(torch.tensor([0]), ids[[0]])
    rows = torch.tensor([1, 0, 1, 2])
    lazy.select(rows)
    lazy.commit(torch.tensor([30, 31, 32, 33]))
    ids = torch.cat([ids[rows], torch.tensor([[30], [31], [32], [33]])], 1)
    assert lazy.asked.tolist() == [True, True, True, False]
    expected = LanguagePrior(whole, ids[:3], frequency).log_probs()
    torch.testing.assert_close(lazy.log_probs()[:3], expected, atol=1e-4, rtol=1e-4)


def test_the_language_prior_needs_a_public_token() -> None:
    with pytest.raises(ValueError, match="at least one public token"):
        LanguagePrior(NoPart(), torch.zeros(1, 0, dtype=torch.long), torch.zeros(5))  # type: ignore[arg-type]


class NoPart:
    """Enough of a part to be asked for a cache."""

    causal, hidden_size, family = True, 4, "none"

    def new_cache(self) -> Any:
        from harness.models import KVCache

        return KVCache(0, 0)
