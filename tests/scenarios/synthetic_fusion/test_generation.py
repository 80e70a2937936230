"""Batch sampling, against slow definitions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.models import Part, load_part
from harness.models.tokens import Tokens, load_tokens, tokenizer_folder
from harness.scenario.toy import toy_model
from scenarios.synthetic_fusion.generation import Writer, nucleus

PROMPTS = ["Bank:", "Friend:", "Bank:", "Meet me in Oslo on day"]


@pytest.fixture(scope="module")
def part(toy_folder: Path) -> Part:
    return load_part(str(toy_model(toy_folder)), 0, None, head=True)


@pytest.fixture(scope="module")
def tokens(toy_folder: Path) -> Tokens:
    return load_tokens(tokenizer_folder(str(toy_model(toy_folder))))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@torch.inference_mode()
def test_cold_sampling_is_greedy_decoding(part: Part, tokens: Tokens) -> None:
    """Whatever the batch: each prompt as if it were alone, read anew for every token."""
    writer = Writer(part, tokens, 6, temperature=1e-4)
    for prompt, text in zip(PROMPTS, writer.write(PROMPTS, generator()), strict=True):
        ids, new = [*tokens.prefix, *tokens.encode(prompt)], list[int]()
        for _ in range(6):
            new.append(int(part(torch.tensor([[*ids, *new]]))[0, -1].argmax()))
        assert not any("\n" in tokens.engine.decode([t]) for t in new)
        assert text == " ".join(tokens.decode(new).split())


@torch.inference_mode()
def test_frequencies_are_the_models(part: Part, tokens: Tokens) -> None:
    writer = Writer(part, tokens, 1, temperature=2.0, top_p=0.5)
    prompt = [*tokens.prefix, *tokens.encode("Bank:")]
    expected = nucleus(part(torch.tensor([prompt]))[:, -1] / 2.0, 0.5)[0]
    drawn = torch.stack([writer.draw(part(torch.tensor([prompt]))[:, -1], 9, generator(i)) for i in range(300)])
    likely = int(expected.argmax())
    assert (drawn == likely).float().mean() == pytest.approx(float(expected[likely]), abs=0.1)
    assert set(drawn.flatten().tolist()) <= set(expected.nonzero().flatten().tolist())


def test_an_early_end_is_drawn_again_in_every_row(part: Part, tokens: Tokens) -> None:
    """A row whose nucleus holds ends of lines alone takes another token, and so do the rows beside it."""
    writer = Writer(part, tokens, 6, top_p=0.9)
    size = tokens.engine.get_vocab_size()
    end = tokens.encode("\n")[0]
    words = [t for t in range(size) if not writer.ends_line(t)][:2]
    logits = torch.full((3, size), -30.0)
    logits[0, end], logits[0, words[0]] = 10.0, 0.0  # the nucleus is the end of the line alone
    logits[1, end], logits[1, words[1]] = 0.4, 0.0  # both are in it
    logits[2, words[1]] = 10.0
    for seed in range(20):
        assert writer.draw(logits, 0, generator(seed)).tolist() == [words[0], words[1], words[1]]
    assert int(writer.draw(logits, 3, generator())[0]) == end  # later on a line may end


def test_nucleus_is_the_smallest_set_of_that_mass() -> None:
    p = torch.tensor([[0.5, 0.3, 0.15, 0.05]])
    assert torch.allclose(nucleus(p.log(), 0.7), torch.tensor([[0.625, 0.375, 0.0, 0.0]]))
    assert torch.allclose(nucleus(p.log(), 0.1), torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    assert torch.allclose(nucleus(p.log(), 1.0), p)


@torch.inference_mode()
def test_a_kept_beginning_stays(part: Part, tokens: Tokens) -> None:
    body = tokens.encode(" Meet me in Oslo")
    lines = Writer(part, tokens, 12).continue_from([[*tokens.encode("Bank:"), *body]] * 3, generator(), begun=len(body))
    assert all(line.startswith("Meet me in Oslo") for line in lines)
