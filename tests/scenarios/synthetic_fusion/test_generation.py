"""Batch sampling, adapters and the scratch generator, against slow definitions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.dp.mechanisms import DPSGD
from harness.models import Part, load_part
from harness.models.meter import Meter
from harness.models.tokens import Tokens, load_tokens, tokenizer_folder
from harness.protocol import training
from harness.scenario.toy import toy_model
from scenarios.synthetic_fusion.adapters import IGNORED, adapted, next_token_loss, training_rows
from scenarios.synthetic_fusion.generation import Writer, nucleus
from scenarios.synthetic_fusion.prompts import contrast, listing, rephrase
from scenarios.synthetic_fusion.scratch import Scratch, scratch_model

PREFIXES = {"bank": "Bank:", "friend": "Friend:"}
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
    drawn = torch.stack([writer._draw(part(torch.tensor([prompt]))[:, -1], 9, generator(i)) for i in range(300)])
    likely = int(expected.argmax())
    assert (drawn == likely).float().mean() == pytest.approx(float(expected[likely]), abs=0.1)
    assert set(drawn.flatten().tolist()) <= set(expected.nonzero().flatten().tolist())


def test_an_early_end_is_drawn_again_in_every_row(part: Part, tokens: Tokens) -> None:
    """A row whose nucleus holds ends of lines alone takes another token, and so do the rows beside it."""
    writer = Writer(part, tokens, 6, top_p=0.9)
    size = tokens.engine.get_vocab_size()
    end = tokens.encode("\n")[0]
    words = [t for t in range(size) if not writer._ends_line(t)][:2]
    logits = torch.full((3, size), -30.0)
    logits[0, end], logits[0, words[0]] = 10.0, 0.0  # the nucleus is the end of the line alone
    logits[1, end], logits[1, words[1]] = 0.4, 0.0  # both are in it
    logits[2, words[1]] = 10.0
    for seed in range(20):
        assert writer._draw(logits, 0, generator(seed)).tolist() == [words[0], words[1], words[1]]
    assert int(writer._draw(logits, 3, generator())[0]) == end  # later on a line may end


def test_nucleus_is_the_smallest_set_of_that_mass() -> None:
    p = torch.tensor([[0.5, 0.3, 0.15, 0.05]])
    assert torch.allclose(nucleus(p.log(), 0.7), torch.tensor([[0.625, 0.375, 0.0, 0.0]]))
    assert torch.allclose(nucleus(p.log(), 0.1), torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    assert torch.allclose(nucleus(p.log(), 1.0), p)


@torch.inference_mode()
def test_a_kept_beginning_stays(part: Part, tokens: Tokens) -> None:
    body = tokens.encode(" Meet me in Oslo")
    lines = Writer(part, tokens, 12).continue_from([[*tokens.encode("Bank:"), *body]] * 3, generator(), kept=len(body))
    assert all(line.startswith("Meet me in Oslo") for line in lines)


def test_prompts_are_lists_of_lines() -> None:
    assert listing("", PREFIXES, (), "bank") == "Bank:"
    assert listing("Go.", PREFIXES, [("a\nb", "friend")], "bank") == "Go.\nFriend: a b\nBank:"
    lines = contrast("", PREFIXES, ["bad"], ["good"], "bank").split("\n")
    assert lines.index("Bank: bad") < lines.index("Bank: good") < len(lines) - 1 == lines.index("Bank:")
    assert rephrase(PREFIXES, "x", "bank").startswith("Bank: x\n")


def test_adapters_share_the_frozen_weights_and_start_without_effect(part: Part) -> None:
    before = {name: one.clone() for name, one in part.named_parameters()}
    tuned = adapted(part, 2, generator())
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(tuned(ids), part(ids))
    shared = {one.data_ptr() for one in part.parameters()}
    learned = [one for one in tuned.parameters() if one.requires_grad]
    assert learned
    assert all(one.data_ptr() in shared for one in tuned.parameters() if not one.requires_grad)
    assert not {one.data_ptr() for one in learned} & shared
    data = (torch.randint(1, 50, (8, 5)), torch.randint(1, 50, (8, 5)))
    training.train(tuned, next_token_loss, training.TrainingPlan(data, 3, 4, 0.05), generator(), Meter())
    assert not torch.equal(tuned(ids), part(ids))
    assert all(torch.equal(one, before[name]) for name, one in part.named_parameters())


def test_adapters_depend_on_their_generator_alone(part: Part) -> None:
    torch.manual_seed(1)
    one = [p.clone() for p in adapted(part, 2, generator(3)).parameters() if p.requires_grad]
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    other = [p for p in adapted(part, 2, generator(3)).parameters() if p.requires_grad]
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.equal(state, torch.random.get_rng_state())


def test_only_the_text_is_learned(part: Part, tokens: Tokens) -> None:
    pairs = [("Bank:", "one two"), ("Friend: a much longer prompt", "three")]
    ids, targets = training_rows(tokens, pairs, 24)
    for row, (prompt, text) in enumerate(pairs):
        learned = targets[row] != IGNORED
        assert tokens.decode(targets[row][learned].tolist()).strip() == text
        assert tokens.decode(ids[row].tolist()).startswith(prompt)
        assert torch.equal(ids[row, 1:][learned[:-1]], targets[row][learned])
    slow = [
        torch.nn.functional.cross_entropy(part(ids[i : i + 1])[0], targets[i], ignore_index=IGNORED) for i in range(2)
    ]
    assert torch.allclose(next_token_loss(part, (ids, targets)), torch.stack(slow).mean(), atol=1e-5)


def test_adapters_can_be_tuned_with_differential_privacy(part: Part, tokens: Tokens) -> None:
    """Without noise and clipping a full-batch private step is the ordinary one."""
    data = training_rows(tokens, [("Bank:", f"text {i}") for i in range(6)], 12)
    tuned = [adapted(part, 2, generator()) for _ in range(2)]
    training.train(tuned[0], next_token_loss, training.TrainingPlan(data, 1, 6, 0.1, "sgd"), generator(), Meter())
    plan = training.TrainingPlan(data, 1, 6, 0.1, "sgd")
    dp = DPSGD(clip=1e6, noise_multiplier=0.0, sample_rate=1.0)
    training.train_private(tuned[1], next_token_loss, plan, dp, generator(), generator(), Meter())
    plain, private = ([p for p in one.parameters() if p.requires_grad] for one in tuned)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(plain, private, strict=True))
    assert any(bool(p.abs().max() > 0) for p in plain)


def test_a_scratch_model_learns_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKBOARD_CACHE", str(tmp_path))
    lines = ["Bank: your card was charged", "Friend: meet me at noon"] * 30
    size = Scratch(vocabulary=300, hidden=32, blocks=1, context=32, epochs=15, batch=4, lr=1e-2)
    place = scratch_model(lines, size, generator(), 0)
    assert scratch_model(lines, size, generator(), 0) == place
    made, words = load_part(place, 0, None, head=True), load_tokens(tokenizer_folder(str(place)))
    with torch.inference_mode():
        texts = Writer(made, words, 20, temperature=0.3).write(["Bank:", "Friend:"], generator())
    assert texts == ["your card was charged", "meet me at noon"]
