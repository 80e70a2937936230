"""Paraphrases: what is replaced, by what, and how near the copies stay to their text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from harness.scenario.toy import toy_model
from scenarios.logit_kd.paraphrase import paraphrase, synonyms, words_of
from scenarios.logit_kd.queries import disturb, paraphraser

KNOWN = {"doctor": ["physician"], "kids": ["children", "youngsters"], "big": ["huge"]}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_half_of_the_words_with_synonyms_are_replaced_and_nothing_else() -> None:
    text = "Doctor says: kids, 17, need a BIG doctor"
    made = paraphrase(text, KNOWN, seeded())
    pairs = [(a, b) for a, b in zip(text.split(), made.split(), strict=True) if a != b]
    assert len(pairs) == 2
    bare = [[re.sub(r"\W", "", word).casefold() for word in pair] for pair in pairs]
    assert all(new in KNOWN[old] for old, new in bare)


def test_capitals_and_punctuation_stay() -> None:
    assert paraphrase("Kids!", {"kids": ["children"]}, seeded()) == "Children!"
    assert paraphrase("(BIG)", {"big": ["huge"]}, seeded()) == "(HUGE)"


def test_links_handles_and_contractions_are_no_words() -> None:
    text = "http://big.kids/doctor @doctor #kids big's don't"
    assert paraphrase(text, KNOWN, seeded()) == text
    assert words_of(["see http://example.com @who", "See it's THEM"]) == ["see", "them"]


def test_the_same_generator_writes_the_same_copy_and_another_one_does_not() -> None:
    text = "kids big doctor kids big doctor kids"
    assert paraphrase(text, KNOWN, seeded(1)) == paraphrase(text, KNOWN, seeded(1))
    assert len({paraphrase(text, KNOWN, seeded(seed)) for seed in range(20)}) > 3


def test_a_text_without_synonyms_loses_words_instead(tmp_path: Path) -> None:
    alter = paraphraser(str(toy_model(tmp_path)), ["xyzzy plugh frotz gnusto"])
    assert alter("xyzzy plugh frotz gnusto", seeded()) == disturb("xyzzy plugh frotz gnusto", seeded())


def test_a_copy_differs_from_its_text() -> None:
    every = [paraphrase("the doctor", KNOWN, seeded(seed)) for seed in range(10)]
    assert set(every) == {"the physician"}


@pytest.mark.slow
def test_words_of_the_real_encoder_stand_for_their_like_and_copies_mean_the_same() -> None:
    from harness.data import load, records
    from harness.models.embeddings import embed
    from harness.models.refs import Encoder, PartRef

    model = "all-minilm-l6-v2"
    found = synonyms(model, ["doctor", "kids", "flu", "qqqqq"])
    assert {"physician", "doctors"} & set(found["doctor"]) and "children" in found["kids"]
    assert "influenza" in found["flu"] and "qqqqq" not in found
    texts = [record.text for record in records(load("health_tweets", label_column="group"))[:200]]
    alter, rng = paraphraser(model, texts), seeded()
    said, dropped = [alter(text, rng) for text in texts], [disturb(text, rng) for text in texts]
    assert all(copy != text for copy, text in zip(said, texts, strict=True))
    # The other encoder judges, whose word vectors proposed nothing.
    judge = Encoder(PartRef("paraphrase-minilm-l3-v2", 0, None), 32)
    whole, near, far = (embed(judge, some) for some in (texts, said, dropped))
    kept, lost = (float((whole * other).sum(1).mean()) for other in (near, far))
    assert kept > 0.9 and kept > lost + 0.03
