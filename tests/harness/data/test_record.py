"""Identity, checks and round trips of records."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import Span, content_hash, content_id, distinct, make, records, to_dataset
from harness.errors import DataError

TEXTS = st.text(min_size=1, max_size=40).filter(str.strip)
SURE = TEXTS.filter(lambda text: text.isascii())


@given(TEXTS)
def test_trivial_variants_share_an_id(text: str) -> None:
    variants = [f"  {text}\n", text.replace(" ", " \t "), unicodedata.normalize("NFD", text)]
    assert {content_id(variant) for variant in variants} == {content_id(text)}
    assert len(content_id(text)) == 16


@given(SURE, SURE)
def test_ids_differ_exactly_where_folded_texts_do(one: Any, other: Any) -> None:
    folded = [" ".join(text.lower().split()) for text in (one, other)]
    assert (content_id(one) == content_id(other)) == (folded[0] == folded[1])


def test_distinct_keeps_the_first() -> None:
    found = [make("Hello there", label="a"), make("other"), make("hello  THERE", label="b")]
    assert distinct(found) == (found[0], found[1])


def test_all_problems_of_a_record_are_named() -> None:
    with pytest.raises(DataError, match=r"end=9.*outside 0\.\.4.*'odd' is 2"):
        make("text", spans=[Span(0, 9, "X")], attributes={"odd": 2, "fine": 1})
    with pytest.raises(DataError, match="blank"):
        make(" \n")


def sample() -> Any:
    return [
        make("I am Anna", label="a", group="g", spans=[Span(5, 9, "PERSON")], attributes={"z": 1, "b": 0}),
        make("nothing here"),
    ]


def test_datasets_round_trip_through_a_file(tmp_path: Path) -> None:
    from datasets import Dataset

    table = to_dataset(sample())
    assert table.column_names == ["id", "text", "label", "group", "attributes", "spans"]
    assert records(table) == sample()
    table.to_parquet(tmp_path / "some.parquet")
    back = Dataset.from_parquet(str(tmp_path / "some.parquet"), cache_dir=str(tmp_path / "cache"))
    assert records(back) == sample()


def test_empty_datasets_keep_their_columns() -> None:
    assert records(to_dataset([])) == []


def test_edited_texts_and_foreign_tables_are_refused() -> None:
    table = to_dataset(sample())
    edited = table.remove_columns("text").add_column("text", ["I am Anne", "nothing here"])
    with pytest.raises(DataError, match="edited after loading"):
        records(edited)
    with pytest.raises(DataError, match="spans"):
        records(table.remove_columns("spans"))


def test_the_fingerprint_sees_every_field_and_the_order() -> None:
    base = sample()
    changed = [
        base[::-1],
        base[:1],
        [make("I am Anna", label="b", group="g", spans=base[0].spans, attributes=base[0].attributes), base[1]],
        [make("I am Anna", label="a", group="h", spans=base[0].spans, attributes=base[0].attributes), base[1]],
        [make("I am Anna", label="a", group="g", attributes=base[0].attributes), base[1]],
        [make("I am Anna", label="a", group="g", spans=base[0].spans), base[1]],
        [make("I am anna", label="a", group="g", spans=base[0].spans, attributes=base[0].attributes), base[1]],
    ]
    assert content_hash(base) == content_hash(records(to_dataset(base)))
    assert len({content_hash(one) for one in [base, *changed]}) == len(changed) + 1
