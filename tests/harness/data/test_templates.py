"""Filled sentences: spans are where the values are, and a seed decides everything."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from harness.data.templates import _MAKERS, fill, parse
from harness.errors import DataError

LINES = parse(
    "My name is {{person}} and my card is {{credit_card_number}}.\n"
    "{{name}}\\n{{address}}\\nMobile: {{phone_number}}\n"
    "{{first_name}} flew to {{country}} on {{day_of_week}}\n"
    "How do I check my balance?\n"
    "{{country}} was super fun to visit!\n"
    "card {{credit_card_number}} expires � when?\n"
    "Hello, {{prefix_male}} {{name_male}}."
)


def test_only_templates_that_identify_someone_are_kept() -> None:
    assert len(LINES) == 5
    assert LINES[1].count("\n") == 2 and "– when" in LINES[3]


def test_unknown_slots_are_all_named() -> None:
    with pytest.raises(DataError, match=r"another.*shoe_size"):
        parse("{{shoe_size}} {{person}} {{another}}")


def test_spans_hold_the_values_and_nothing_identifying_is_outside() -> None:
    found = list(fill(LINES, seed=5, count=200))
    assert len({record.id for record in found}) == 200
    for record in found:
        for span in record.spans:
            value = record.text[span.start : span.end]
            assert value == value.strip() and value
            assert span.kind != "CREDIT_CARD" or re.fullmatch(r"\d{12,19}", value)
        rest = "".join(c for i, c in enumerate(record.text) if not any(s.start <= i < s.end for s in record.spans))
        assert not re.search(r"\d", rest)


def test_luhn_holds_for_invented_cards() -> None:
    for record in fill(LINES[3:4], seed=1, count=50):
        (span,) = record.spans
        digits = [int(digit) for digit in reversed(record.text[span.start : span.end])]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
        assert (sum(digits[::2]) + sum(doubled)) % 10 == 0


def test_gender_is_an_attribute_only_where_it_was_drawn() -> None:
    found = list(fill(LINES, seed=2, count=400))
    named = [record.attributes["female"] for record in found if "female" in record.attributes]
    assert 0.4 < sum(named) / len(named) < 0.6
    assert not any("female" in record.attributes for record in found if record.text.startswith(("Hello", "card")))
    assert all(record.attributes["has_address"] == ("Mobile" in record.text) for record in found)


def test_the_seed_decides() -> None:
    one, again, other = (list(fill(LINES, seed, 60)) for seed in (0, 0, 1))
    assert one == again and one != other


def test_the_day_on_which_it_runs_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    import faker.providers.date_time as clock

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return super().now(tz) + timedelta(days=400)

    templates = [f"It was {{{{{slot}}}}}" for slot in sorted(_MAKERS)]
    before = [record.text for record in fill(templates, 0, 300)]
    monkeypatch.setattr(clock, "datetime", Later)
    assert [record.text for record in fill(templates, 0, 300)] == before


def test_templates_that_run_out_are_refused() -> None:
    with pytest.raises(DataError, match="73 distinct sentences, 100"):
        list(fill(("I am {{age}}",), seed=0, count=100))  # ages 18 to 90
