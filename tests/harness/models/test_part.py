"""Split forward equals whole forward, for every family and cut; caches, masks and FLOPs of parts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import ModelError
from harness.models import FAMILIES, Part, load_part

Tiny = Callable[[str], tuple[Any, Path]]
Ids = Callable[..., torch.Tensor]
ALL = tuple(FAMILIES)
CAUSAL = tuple(name for name, family in FAMILIES.items() if family.causal)
CUTS = ((0,), (1,), (3,), (4,), (1, 2), (0, 3), (2, 2))


loaded = functools.cache(load_part)
"""For tests that change nothing in a part."""


def parts_of(folder: Path, cuts: tuple[int, ...]) -> list[Part]:
    causal = (head_of := loaded(folder, 4, None)).causal
    assert head_of.depth == 4
    edges = [0, *cuts]
    parts = [loaded(folder, a, b, embed=i == 0) for i, (a, b) in enumerate(zip(edges, cuts, strict=False))]
    return [*parts, loaded(folder, edges[-1], None, head=causal, embed=False)]


def whole(model: Any, ids: torch.Tensor, **more: Any) -> torch.Tensor:
    out = model(ids, **more)
    value: torch.Tensor = out.logits if hasattr(out, "logits") else out.last_hidden_state
    return value


def chain(parts: list[Part], x: torch.Tensor, **more: Any) -> torch.Tensor:
    for part in parts:
        x = part(x, **more)
    return x


@pytest.mark.parametrize("family", ALL)
@torch.no_grad()
def test_parts_chain_into_the_whole_model(family: str, tiny: Tiny, ids: Ids) -> None:
    model, folder = tiny(family)
    text = ids(2, 11)
    expected = whole(model, text)
    assert float(expected.std()) > 0.05
    for cuts in CUTS:
        torch.testing.assert_close(chain(parts_of(folder, cuts), text), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ALL)
@torch.no_grad()
def test_a_cut_gives_the_raw_residual_stream(family: str, tiny: Tiny, ids: Ids) -> None:
    model, folder = tiny(family)
    text = ids(1, 9)
    states = model(text, output_hidden_states=True).hidden_states
    for stop in range(4):
        torch.testing.assert_close(loaded(folder, 0, stop)(text), states[stop], atol=1e-5, rtol=1e-5)
    if FAMILIES[family].final:
        normed = loaded(folder, 0, None)(text)
        raw = loaded(folder, 0, 4)(text)
        assert raw.shape != normed.shape or not torch.allclose(raw, normed, atol=1e-3)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", ALL)
@torch.no_grad()
def test_padding_changes_no_real_position(family: str, side: str, tiny: Tiny, ids: Ids) -> None:
    _, folder = tiny(family)
    parts, text = parts_of(folder, (1, 3)), ids(2, 7)
    alone = chain(parts, text[1:, :4])
    mask, padded = torch.ones(2, 7, dtype=torch.bool), text.clone()
    real = slice(3, 7) if side == "left" else slice(0, 4)
    mask[1] = False
    mask[1, real] = True
    padded[1, real] = text[1, :4]
    out = chain(parts, padded, mask=mask)
    torch.testing.assert_close(out[1:, real], alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(out[:1], chain(parts, text[:1]), atol=1e-5, rtol=1e-5)
    assert bool(out.isfinite().all())


@pytest.mark.parametrize("family", CAUSAL)
@torch.no_grad()
def test_split_generation_with_caches_equals_generate(family: str, tiny: Tiny, ids: Ids) -> None:
    model, folder = tiny(family)
    prompt = ids(2, 5)
    expected = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        max_new_tokens=12,
        eos_token_id=None,
        pad_token_id=0,
    )
    for cuts in ((2,), (0, 3)):
        parts = parts_of(folder, cuts)
        caches = [part.new_cache() for part in parts]
        text, new = prompt, prompt
        for _ in range(12):
            x = new
            for part, cache in zip(parts, caches, strict=True):
                x = part(x, cache)
            new = x[:, -1].argmax(-1, keepdim=True)
            text = torch.cat((text, new), dim=1)
        assert torch.equal(text, expected)
        assert {cache.length for cache in caches if cache is not None} == {16}


@pytest.mark.parametrize("family", CAUSAL)
@torch.no_grad()
def test_left_padded_chunks_through_a_cache(family: str, tiny: Tiny, ids: Ids) -> None:
    _, folder = tiny(family)
    part, text = loaded(folder, 0, None, head=True), ids(2, 9)
    mask = torch.ones(2, 9)
    mask[1, :3] = 0
    expected = part(text, mask=mask)
    cache = part.new_cache()
    chunks = [part(text[:, a:b], cache, mask=mask[:, :b]) for a, b in ((0, 4), (4, 5), (5, 9))]
    real = mask.bool()
    torch.testing.assert_close(torch.cat(chunks, dim=1)[real], expected[real], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", CAUSAL)
@torch.no_grad()
def test_cache_rows_positions_and_copies(family: str, tiny: Tiny, ids: Ids) -> None:
    _, folder = tiny(family)
    part, text = loaded(folder, 0, 3), ids(3, 8)
    cache = part.new_cache()
    assert cache is not None
    part(text[:, :6], cache)
    cache.crop(5)
    copied = cache.copy()
    rows = torch.tensor([2, 0, 2, 1])
    cache.select(rows)
    torch.testing.assert_close(part(text[rows, 5:], cache), part(text[rows])[:, 5:], atol=1e-5, rtol=1e-5)
    assert (cache.length, copied.length) == (8, 5)
    torch.testing.assert_close(part(text[:, 5:], copied), part(text)[:, 5:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ALL)
def test_input_embeddings_replace_the_look_up(family: str, tiny: Tiny, ids: Ids) -> None:
    model, folder = tiny(family)
    part, text = loaded(folder, 0, 2), ids(2, 6)
    table = part.embed_table
    assert torch.equal(table, model.get_input_embeddings().weight)
    assert table.shape[0] == part.vocab_size
    soft = table.detach()[text].requires_grad_()
    out = part(soft)
    torch.testing.assert_close(out, part(text), atol=1e-6, rtol=1e-6)
    out.square().sum().backward()
    assert soft.grad is not None and float(soft.grad.abs().min(dim=1).values.max()) > 0


@pytest.mark.parametrize("family", ALL)
def test_second_derivatives_with_the_math_kernel(family: str, tiny: Tiny, ids: Ids) -> None:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    _, folder = tiny(family)
    part, text = loaded(folder, 0, 2), ids(1, 4)
    soft = part.embed_table.detach()[text].requires_grad_()
    weight = next(iter(part.blocks[0].parameters()))
    with sdpa_kernel(SDPBackend.MATH):
        (first,) = torch.autograd.grad(part(soft).square().sum(), weight, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), soft)
    assert float(second.abs().max()) > 0


@pytest.mark.parametrize("family", ALL)
@torch.no_grad()
def test_flops_follow_the_formula_that_torch_counts(family: str, tiny: Tiny, ids: Ids) -> None:
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    _, folder = tiny(family)
    causal = FAMILIES[family].causal
    for part in (loaded(folder, 0, 3), loaded(folder, 2, None, head=causal)):
        cache = part.new_cache()
        x = ids(3, 9) if part.start == 0 else torch.randn(3, 9, part.hidden_size)
        for a, b in ((0, 6), (6, 7)) if causal else ((0, 9),):
            with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
                part(x[:, a:b], cache)
            assert 3 * part.flops(b - a, a) == pytest.approx(counter.get_total_flops(), rel=0.02)


@torch.no_grad()
def test_dtype_and_tied_head(tiny: Tiny, ids: Ids) -> None:
    _, folder = tiny("llama")
    half = load_part(folder, 0, 2, dtype=torch.bfloat16)
    assert half(ids(1, 4)).dtype == torch.bfloat16
    both = load_part(folder, 0, None, head=True)
    assert both.head is not None and both.head.weight is both.embed_table
    tail = load_part(folder, 4, None, head=True)
    assert tail.head is not None and torch.equal(tail.head.weight, both.embed_table)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("span", "head", "says"),
    [((3, 2), False, "blocks 3..2"), ((0, 5), False, "0..5"), ((-1, 2), False, "-1"), ((0, 2), True, "stop=None")],
)
def test_impossible_spans_are_refused(span: tuple[int, int], head: bool, says: str, tiny: Tiny) -> None:
    _, folder = tiny("gpt2")
    with pytest.raises(ModelError, match=says):
        load_part(folder, *span, head=head)


def test_misuse_is_refused_with_every_problem(tiny: Tiny, ids: Ids) -> None:
    _, gpt2 = tiny("gpt2")
    _, bert = tiny("bert")
    middle = load_part(gpt2, 1, 2)
    with pytest.raises(ModelError, match=r"no embeddings.*mask of shape"):
        middle(ids(2, 3), mask=torch.ones(2, 4))
    with pytest.raises(ModelError, match="another part"):
        middle(torch.zeros(1, 3, 32), load_part(gpt2, 0, 1).new_cache())
    with pytest.raises(ModelError, match="no embeddings"):
        _ = middle.embed_table
    with pytest.raises(ModelError, match="reach 40"):
        load_part(gpt2, 0, 1)(ids(1, 41))
    with pytest.raises(ModelError, match="encoder"):
        load_part(bert, 0, None, head=True)
    assert load_part(bert, 0, 1).new_cache() is None
