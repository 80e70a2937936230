"""Every way in: local files of each format, folders, and a hub that cannot be reached."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.data import content_id, load, records
from harness.errors import DataError

ROWS = [
    {"text": "first text", "label": "x", "who": "anna"},
    {"text": "First  TEXT", "label": "y", "who": "bob"},
    {"text": "second", "label": None, "who": "bob"},
    {"text": "  ", "label": "x", "who": "anna"},
]


def written(folder: Path, kind: str) -> Path:
    import pandas

    frame, path = pandas.DataFrame(ROWS), folder / f"data.{kind}"
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "parquet":
        frame.to_parquet(path)
    elif kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, ROWS)))
    else:
        path.write_text(json.dumps(ROWS))
    return path


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl", "parquet"])
def test_files_are_read_deduplicated_and_blanks_dropped(tmp_path: Path, kind: str) -> None:
    found = records(load(str(written(tmp_path, kind)), group_column="who"))
    assert [(one.text, one.label, one.group) for one in found] == [("first text", "x", "anna"), ("second", None, "bob")]
    assert found[0].id == content_id("FIRST text")


def test_a_changed_file_is_read_anew_even_with_its_old_time(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for text in ("one", "two"):
        path.write_text(f"text\n{text}\n")
        os.utime(path, (0, 0))
        assert load(str(path))["text"] == [text]


def test_folders_of_files_and_saved_datasets(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset

    (tmp_path / "files").mkdir()
    written(tmp_path / "files", "parquet")
    assert len(load(str(tmp_path / "files"))) == 2
    saved = Dataset.from_dict({"sentence": ["good", "bad"], "label": [1, 0]}).cast_column(
        "label", ClassLabel(names=["neg", "pos"])
    )
    saved.save_to_disk(str(tmp_path / "saved"))
    found = records(load(str(tmp_path / "saved"), text_column="sentence"))
    assert [(one.text, one.label) for one in found] == [("good", "pos"), ("bad", "neg")]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    path = str(written(tmp_path, "csv"))
    with pytest.raises(DataError, match=r"no column \['body'\]; it has .*text_column"):
        load(path, text_column="body")
    with pytest.raises(DataError, match="no such file"):
        load(str(tmp_path / "gone.csv"))
    (tmp_path / "broken.parquet").write_text("this is no parquet")
    with pytest.raises(DataError, match="cannot be read as a dataset"):
        load(str(tmp_path / "broken.parquet"))
    (tmp_path / "notes.docx").write_text("x")
    with pytest.raises(DataError, match=r"cannot read \.docx"):
        load(str(tmp_path / "notes.docx"))


def test_an_unreachable_hub_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"'sms_span' is neither embedded.*did you mean 'sms_spam'"):
        load("sms_span")
