"""Reserved records: balanced, each for one split, so that draws of other sizes hold the same private and test ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import draw, load, make, records, to_dataset
from harness.data.record import Record, content_hash
from harness.data.reserve import SHARES, chosen, reserved
from harness.errors import DataError


def pool(counts: dict[str, int]) -> list[Record]:
    return [make(f"text {i} of label {name}", label=name) for name, count in counts.items() for i in range(count)]


def test_every_label_equally_often_and_every_split_in_its_share() -> None:
    kept = reserved(pool({"a": 100, "b": 163}))
    assert Counter(r.label for r in kept) == {"a": 100, "b": 100}
    expected = {(label, split): round(100 * share) for label in "ab" for split, share in SHARES.items()}
    assert Counter((r.label, r.split) for r in kept) == expected
    assert len({r.id for r in kept}) == 200


def test_the_order_of_the_data_changes_nothing() -> None:
    records_ = pool({"a": 30, "b": 30})
    assert reserved(records_) == reserved(records_[::-1])


@given(st.integers(0, 9), st.integers(1, 6), st.integers(0, 9), st.integers(0, 5), st.booleans())
def test_private_and_test_records_do_not_depend_on_the_other_sizes(
    seed: int, public: int, known: int, auxiliary: int, balance: bool
) -> None:
    kept = reserved(pool({"a": 80, "b": 90}))
    sizes = {"private": 20, "auxiliary": 12, "test": 16}
    base = draw(kept, sizes, np.random.default_rng(seed), balance=False)
    more = {**sizes, "auxiliary": 12 + 2 * auxiliary, "public": public, "known": known}
    other = draw(kept, more, np.random.default_rng(seed), balance=balance)
    assert {r.id for r in base.private} == {r.id for r in other.private}
    assert {r.id for r in base.test} == {r.id for r in other.test}
    assert all(r.split == "public" for r in (*other.public, *other.known))
    assert Counter(r.label for r in base.private) == {"a": 10, "b": 10}


def test_another_seed_draws_other_records() -> None:
    kept = reserved(pool({"a": 80, "b": 90}))
    first, second = (draw(kept, {"private": 20}, np.random.default_rng(seed)).private for seed in (0, 1))
    assert {r.id for r in first} != {r.id for r in second}


def test_a_split_asks_for_no_more_than_is_reserved_for_it() -> None:
    kept = reserved(pool({"a": 20, "b": 20}))
    with pytest.raises(DataError, match="test needs"):
        draw(kept, {"test": 10}, np.random.default_rng(0))


def test_only_the_labels_asked_for_and_texts_of_enough_words() -> None:
    some = [make("one two three", label="a"), make("one two three four", label="a"), make("b b b b", label="b")]
    assert [r.text for r in chosen(some, ["a"], 4)] == ["one two three four"]
    assert chosen(some, [], 0) == some
    with pytest.raises(DataError, match=r"\['b', 'c'\]"):
        chosen(some[:2], ["a", "b", "c"], 3)


def test_records_without_a_label_are_refused() -> None:
    with pytest.raises(DataError, match="no label"):
        reserved([make("a text")])


def test_the_split_survives_the_dataset_and_is_no_content() -> None:
    plain = pool({"a": 10, "b": 10})
    kept = reserved(plain)
    assert records(to_dataset(kept)) == kept
    assert "split" not in to_dataset(plain).column_names
    assert content_hash(kept) == content_hash(sorted(plain, key=lambda r: (r.label, r.id)))


def test_load_selects_and_reserves(tmp_path: Path) -> None:
    rows = [f"a word{i} and more,{'x' if i % 2 else 'y'}" for i in range(40)] + ["short,x", "of another label,z"]
    (tmp_path / "d.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    known = records(load(str(tmp_path / "d.csv"), labels=["x", "y"], least_words=3, reserve=True))
    assert len(known) == 40
    assert Counter(r.label for r in known) == {"x": 20, "y": 20}
    assert {r.split for r in known} == set(SHARES)
