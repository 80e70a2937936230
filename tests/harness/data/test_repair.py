"""Repairs undo the damage they describe and touch nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.repair import fold_spaces, news_text, sms_text, without_urls

SOUND = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\&'), max_size=60)


def damaged(text: str) -> str:
    """The accident of the SMS corpus, forwards."""
    return text.encode().decode("cp1252").encode("mac_roman", "replace").replace(b"?", b"_").decode("latin-1")


@given(SOUND)
def test_sound_text_stays(text: str) -> None:
    assert sms_text(text) == news_text(text) == fold_spaces(text)


@pytest.mark.parametrize("sign", "£ÜüéÉ’‘“–…¡»")
def test_signs_survive_the_accident(sign: Any) -> None:
    assert sms_text(damaged(f"win {sign}100 now")) == f"win {sign}100 now"


def test_marks_of_messages() -> None:
    assert sms_text('\\Wen u miss someone\\" gdeve.."') == '"Wen u miss someone" gdeve..'
    assert sms_text('c u soon \\"\rham",Well there') == "c u soon"
    assert sms_text("&lt;#&gt; &amp; more") == "<#> & more"


def test_marks_of_news() -> None:
    assert news_text('"It is a worse choice,"?Sen. Warren said.') == '"It is a worse choice," Sen. Warren said.'
    assert news_text('from teachers"?unions and DeVos"?focus') == "from teachers' unions and DeVos' focus"
    assert news_text('the group "?and others') == "the group – and others"
    assert news_text('a representative sample: "?In Ottawa') == 'a representative sample: "In Ottawa'
    assert news_text('it didn"t get covered."?,-1"') == "it didn't get covered.\""
    assert news_text('Is it "true"? Yes.') == 'Is it "true" Yes.'  # the price: a real question is not told apart


def test_addresses_go_also_when_cut_short() -> None:
    assert without_urls("Read this: http://ow.ly/KiDDJ &amp; that http:…") == "Read this: & that"
    assert without_urls("see www.nhs.uk/flu or gu.com/p/44d5t now") == "see or now"
    assert without_urls("Dr. Smith and/or 24/7, e.g. A/B. Ok") == "Dr. Smith and/or 24/7, e.g. A/B. Ok"
