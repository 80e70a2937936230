"""The whole model asked directly: continuations by themselves, in batches as one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lm_eval.answers import answers
from harness.lm_eval.prompts import Form, Prompt, wording_of
from harness.lm_eval.whole import answers_alone, whole_predictions
from harness.scenario.toy import toy_model


def test_continuations_alone_do_not_depend_on_their_batch(
    toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAKBOARD_CACHE", str(tmp_path))  # nothing is remembered yet
    model, texts = str(toy_model(toy_folder)), [" a", " the bank in Oslo", " a friend", " a friend of the bank"]
    wording, form = wording_of(model), Form("choices")
    asked = {text: Prompt("", (text,)) for text in texts}
    single = answers(model, wording, form, asked, whole_predictions(model, wording, form, asked))
    batched = answers_alone(model, wording, [*texts, texts[0]])
    assert set(batched) == set(texts)
    for text in texts:
        value, greedy = single[text].likelihoods[0]
        assert batched[text][0] == pytest.approx(value, abs=1e-3)
        assert batched[text][1] is greedy
    assert answers_alone(model, wording, texts) == batched
