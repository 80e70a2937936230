from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch

from attacks.embedding_inversion.blind_tokens import BlindTokens, agreement, greedy_continuation, modal_tokens
from harness.attack import Observation
from tests.stand_ins.split_view import SplitView, tiny_model, token_accuracy
from tests.stand_ins.split_worlds import random_texts, tiny_view


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Any:
    torch.set_num_threads(1)
    return tiny_model(tmp_path_factory.mktemp("llama"), "llama")


def hidden(view: SplitView) -> Any:
    """The view with every message removed: a blind attack must not notice."""
    view.observed = [Observation(one.record, torch.empty(0)) for one in view.observed]
    return view


def test_modal_tokens_by_counting() -> None:
    sequences = ((5, 6, 7), (5, 8), (9, 8, 7, 7))
    assert modal_tokens(sequences, 5) == [5, 8, 7, 7, 7]
    assert modal_tokens(sequences, 2, skipped={5, 8}) == [9, 6]
    assert modal_tokens(((9,), (4,)), 1) == [4]
    assert modal_tokens((), 3) == []


def test_agreement_counts_positions() -> None:
    assert agreement([1, 2, 3], ((1, 5), (1, 2, 3, 4))) == 4 / 6
    assert agreement([1, 2, 3], ((1, 5), (1, 2, 3, 4)), skipped={1}) == 2 / 4
    assert agreement([1], ()) == 0.0


def test_the_same_guess_for_all_without_looking(llama: str) -> None:
    texts = ["7 7 30 31 32 33 34 35"] * 3 + random_texts(20, 4)
    view = hidden(tiny_view(llama, 2, auxiliary=texts))
    guess = BlindTokens(frequent=0, validation=0.1, language_model=False).guess(view)
    counts = Counter(text.split()[0] for text in texts[2:])
    assert set(guess) == set(view.secrets)
    assert len({tuple(ids) for ids in guess.values()}) == 1
    assert all(len(ids) == view.facts.max_tokens for ids in guess.values())
    assert counts[str(guess["s0"][0])] == max(counts.values())


def test_greedy_continuation_is_the_argmax_of_whole_forwards(llama: str) -> None:
    view = tiny_view(llama, 2)
    model, tokens = view.part(0, None, head=True), [1]
    for _ in range(view.facts.max_tokens):
        logits = model(torch.tensor([tokens]))[0, -1].detach()
        logits[:3] = -torch.inf
        tokens.append(int(logits.argmax()))
    assert greedy_continuation(model, view.facts) == tokens[1:]


def test_the_language_model_is_used_where_it_agrees_better_with_auxiliary_texts(llama: str) -> None:
    said = greedy_continuation(tiny_view(llama, 2).part(0, None, head=True), tiny_view(llama, 2).facts)
    odd = [" ".join(map(str, said))] * 5 + [" ".join(["90"] * 8)] * 15  # the first quarter is held back
    guess = BlindTokens(frequent=0).guess(hidden(tiny_view(llama, 2, auxiliary=odd)))
    assert list(guess["s0"]) == said


def test_random_texts_are_not_guessed(llama: str) -> None:
    view = tiny_view(llama, 2)
    assert token_accuracy(view, BlindTokens().guess(view)) < 0.1


def test_no_auxiliary_texts(llama: str) -> None:
    view = tiny_view(llama, 2)
    view.public = replace(view.public, auxiliary=())
    assert set(map(tuple, BlindTokens(language_model=False).guess(hidden(view)).values())) == {()}
