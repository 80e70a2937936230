"""A tiny random model with its tokenizer and a few texts: for contract checks and tests, never for findings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.data.record import Record

__all__ = ["toy_model", "toy_records"]

_PLACES = ("Lisbon", "Oslo", "Quito", "Hanoi", "Turin", "Perth")
_ITEMS = ("the parcel", "your ticket", "a new card", "the lamp")


def toy_model(folder: str | Path, *, hidden: int = 32, blocks: int = 3) -> Path:
    """A randomly initialised Llama of ``blocks`` blocks with a byte-level tokenizer, saved under ``folder`` once."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    place = Path(folder) / f"toy-{hidden}-{blocks}"
    if (place / "config.json").exists():
        return place
    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<s>"], initial_alphabet=alphabet)
    engine.train_from_iterator([r.text for r in toy_records()], trainer)
    wrap: Any = PreTrainedTokenizerFast
    wrap(tokenizer_object=engine, bos_token="<s>").save_pretrained(place)
    config = LlamaConfig(
        vocab_size=engine.get_vocab_size(),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=blocks,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the library's initialisation takes no generator
        LlamaForCausalLM(config).save_pretrained(place)
    return place


def toy_records() -> tuple[Record, ...]:
    """48 distinct short messages with a label (bank, friend) and the attribute ``has_number``."""
    from harness.data.record import make

    records = []
    for i in range(48):
        place, item = _PLACES[i % 6], _ITEMS[(i // 6) % 4]
        number = i % 2
        if i % 4 < 2:
            text = f"Account notice {i}: {item} was charged in {place}"
            text += f", reference {70000 + i}." if number else "."
            records.append(make(text, label="bank", attributes={"has_number": number}))
        else:
            text = f"Meet me in {place} on day {i}, bring {item}" + (f", code {80000 + i}." if number else "!")
            records.append(make(text, label="friend", attributes={"has_number": number}))
    return tuple(records)
