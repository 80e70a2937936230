"""Altered copies of candidates."""

from __future__ import annotations

import torch

from scenarios.logit_kd.queries import disturb


def test_a_disturbed_text_keeps_most_of_its_words() -> None:
    text = "a b c d e f g h"
    made = disturb(text, torch.Generator().manual_seed(0)).split()
    assert len(made) == 6
    assert [w for w in text.split() if w in made] == made
    assert disturb("word", torch.Generator()) == "word"
