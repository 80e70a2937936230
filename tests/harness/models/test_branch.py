"""Trying many next tokens against a shared prefix gives what a plain forward over prefix + token gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import ModelError
from harness.models import FAMILIES, Part, PrefixTree, load_part

Tiny = Callable[[str], tuple[Any, Path]]
Ids = Callable[..., torch.Tensor]
CAUSAL = tuple(name for name, family in FAMILIES.items() if family.causal)


def slow_next(part: Part, prefix: torch.Tensor, tried: torch.Tensor) -> torch.Tensor:
    """The definition: one whole forward for every alternative. [B, P], [B, K] -> [B, K, d]."""
    columns = [part(torch.cat((prefix, tried[:, k : k + 1]), dim=1))[:, -1] for k in range(tried.shape[1])]
    return torch.stack(columns, dim=1)


@pytest.mark.parametrize("length", [0, 1, 9])
@pytest.mark.parametrize("family", CAUSAL)
@torch.no_grad()
def test_alternatives_equal_the_plain_forward(family: str, length: int, tiny: Tiny, ids: Ids) -> None:
    part = load_part(tiny(family)[1], 0, 3)
    prefix, tried = ids(3, length), ids(3, 7, seed=1)
    tree = PrefixTree(part, prefix)
    for _ in range(2):  # trying leaves no trace
        torch.testing.assert_close(tree.try_next(tried), slow_next(part, prefix, tried), atol=1e-5, rtol=1e-5)
    assert tree.length == length and tree.prefix_states.shape == (3, length, part.hidden_size)


@pytest.mark.parametrize("family", CAUSAL)
@torch.no_grad()
def test_texts_whose_token_was_not_tried_are_committed_beside_those_whose_was(
    family: str, tiny: Tiny, ids: Ids
) -> None:
    part = load_part(tiny(family)[1], 0, 3)
    text = ids(3, 6)
    tree = PrefixTree(part, text[:, :4])
    tree.select(torch.tensor([0, 1, 2, 2]))
    text = text[[0, 1, 2, 2]]
    other = (text[:, 4:5] + 1) % part.vocab_size
    tree.try_next(torch.where(torch.tensor([[True], [False], [False], [True]]), text[:, 4:5], other))
    expected = part(text)
    torch.testing.assert_close(tree.commit(text[:, 4]), expected[:, 4], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(tree.commit(text[:, 5]), expected[:, 5], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", CAUSAL)
@torch.no_grad()
def test_a_fork_grows_apart(family: str, tiny: Tiny, ids: Ids) -> None:
    part = load_part(tiny(family)[1], 0, 3)
    text, rows = ids(3, 6), torch.tensor([2, 0])
    tree = PrefixTree(part, text[:, :4])
    other = tree.fork(rows)
    torch.testing.assert_close(other.commit(text[rows, 4]), part(text)[rows, 4], atol=1e-5, rtol=1e-5)
    assert (tree.rows, tree.length, other.rows, other.length) == (3, 4, 2, 5)
    torch.testing.assert_close(tree.commit(text[:, 4]), part(text)[:, 4], atol=1e-5, rtol=1e-5)
    tree.extend(other)
    both = torch.cat((text, text[rows]))
    torch.testing.assert_close(tree.commit(both[:, 5]), part(both)[:, 5], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", CAUSAL)
@torch.no_grad()
def test_commit_and_select_follow_the_texts(family: str, tiny: Tiny, ids: Ids) -> None:
    part = load_part(tiny(family)[1], 0, 3)
    text, fresh = ids(3, 8), ids(4, 5, seed=2)
    tree = PrefixTree(part, text[:, :4])
    tried = torch.cat((ids(3, 2, seed=3), text[:, 4:5]), dim=1)
    tree.try_next(tried)
    among = tree.commit(text[:, 4])  # one of those tried
    fresh_token = tree.commit(text[:, 5])  # not tried
    expected = part(text)
    torch.testing.assert_close(among, expected[:, 4], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(fresh_token, expected[:, 5], atol=1e-5, rtol=1e-5)
    tree.try_next(text[:, 6:7].repeat(1, 2))
    rows = torch.tensor([2, 0, 2, 1])
    tree.select(rows)
    tree.commit_at(torch.tensor([1, 0, 0, 1]))
    assert (tree.rows, tree.length) == (4, 7)
    expected = slow_next(part, text[rows, :7], fresh)
    torch.testing.assert_close(tree.try_next(fresh), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", CAUSAL)
def test_gradients_reach_the_alternatives(family: str, tiny: Tiny, ids: Ids) -> None:
    part = load_part(tiny(family)[1], 0, 3)
    prefix, tried = ids(2, 6), ids(2, 4, seed=1)
    soft = part.embed_table.detach()[tried].requires_grad_()
    torch.autograd.backward(PrefixTree(part, prefix).try_next(soft).square().sum())
    plain = part.embed_table.detach()[tried].requires_grad_()
    for k in range(4):
        both = torch.cat((part.embed_table.detach()[prefix], plain[:, k : k + 1]), dim=1)
        torch.autograd.backward(part(both)[:, -1].square().sum())
    assert soft.grad is not None and plain.grad is not None
    torch.testing.assert_close(soft.grad, plain.grad, atol=1e-3, rtol=1e-4)


@torch.no_grad()
def test_hidden_states_and_logits(tiny: Tiny, ids: Ids) -> None:
    folder = tiny("llama")[1]
    head, tail = load_part(folder, 0, 2), load_part(folder, 2, None, head=True)
    text, tried = ids(2, 5), ids(2, 3, seed=1)
    tree = PrefixTree(tail, head(text))
    states = PrefixTree(head, text).try_next(tried)
    expected = slow_next(load_part(folder, 0, None, head=True), text, tried)
    torch.testing.assert_close(tree.try_next(states), expected, atol=1e-5, rtol=1e-5)


def test_misuse_is_refused(tiny: Tiny, ids: Ids) -> None:
    with pytest.raises(ModelError, match="encoder"):
        PrefixTree(load_part(tiny("bert")[1], 0, 1), ids(1, 2))
    tree = PrefixTree(load_part(tiny("gpt2")[1], 0, 1), ids(2, 2))
    with pytest.raises(ModelError, match="3 texts, the tree holds 2"):
        tree.try_next(ids(3, 1))
    with pytest.raises(ModelError, match="nothing was tried"):
        tree.commit_at(torch.zeros(2, dtype=torch.long))
