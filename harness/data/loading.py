"""One door to data: an embedded dataset, a local file or folder, or a dataset of the Hugging Face hub."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.record import Record, distinct, make, records, to_dataset
from harness.data.reserve import chosen, reserved
from harness.data.sources import SOURCES, read
from harness.errors import DataError
from harness.util.caching import single_flight

if TYPE_CHECKING:
    from harness.assets import Progress

__all__ = ["load"]

_FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}


def load(
    name: str,
    progress: Progress | None = None,
    *,
    text_column: str = "text",
    label_column: str | None = None,
    group_column: str | None = None,
    split: str = "train",
    seed: int = 0,
    labels: Sequence[str] = (),
    least_words: int = 0,
    reserve: bool = False,
) -> Any:
    """Records of a dataset as a ``datasets.Dataset``, deduplicated by content id (the first is kept).

    Args:
        name: an embedded name (:data:`harness.data.sources.SOURCES`), a path to a csv, json, jsonl or
            parquet file or to a folder of them, or a hub name, with a configuration as in ``"glue:sst2"``.
        progress: where downloads of embedded data are reported, see :func:`harness.assets.wheel`.
        text_column: the column that holds the text.
        label_column: the column that holds the label; without it ``label`` where there is one.
            Embedded data may name ``group`` here, to use the publisher or film as label.
        group_column: the column that holds the group (client, author, source); without it ``group`` where
            there is one.
        split: the split of a hub dataset or folder.
        seed: seeds the filling of ``pii``; other data do not depend on it.
        labels: only records of these labels; of any, where none are given.
        least_words: only records of at least so many words.
        reserve: every label equally often, and each record for one split (:mod:`harness.data.reserve`), so that
            scenarios that draw splits of other sizes hold the same private and the same test records.

    Returns:
        Columns id, text, label, group, spans, attributes, and split where records are reserved; see
        :func:`harness.data.record.to_dataset`.
        Blank texts are left out.

    Raises:
        DataError: nothing of that name or path, or it lacks a column; says what to do.
    """
    if labels or least_words or reserve:
        whole = load(
            name,
            progress,
            text_column=text_column,
            label_column=label_column,
            group_column=group_column,
            split=split,
            seed=seed,
        )
        return _selected(whole, labels, least_words, reserve)
    if name in SOURCES and progress is None:
        return _embedded(name, text_column, label_column, group_column, seed)
    return _loaded(name, progress, text_column, label_column, group_column, split, seed)


@single_flight(maxsize=4)
def _embedded(name: str, text: str, label: str | None, group: str | None, seed: int) -> Any:
    """Embedded data never change, and the entries of a suite mostly share them."""
    return _loaded(name, None, text, label, group, "train", seed)


def _selected(table: Any, labels: Sequence[str], least_words: int, reserve: bool) -> Any:
    kept = chosen(records(table), labels, least_words)
    return to_dataset(reserved(kept) if reserve else kept)


def _loaded(
    name: str, progress: Progress | None, text: str, label: str | None, group: str | None, split: str, seed: int
) -> Any:
    if name in SOURCES and label is None and text == "text" and group is None:
        return to_dataset(distinct(read(name, seed=seed, progress=progress)))
    table = to_dataset(read(name, seed=seed, progress=progress)) if name in SOURCES else _open(name, split)
    columns = {
        "text": text,
        "label": label or _present(table, "label"),
        "group": group or _present(table, "group"),
    }
    return to_dataset(distinct(_from_columns(name, table, columns)))


def _present(table: Any, column: str) -> str | None:
    return column if column in table.column_names else None


def _from_columns(name: str, table: Any, columns: Mapping[str, str | None]) -> Iterator[Record]:
    wanted = {key: column for key, column in columns.items() if column is not None}
    missing = sorted(set(wanted.values()) - set(table.column_names))
    if missing:
        raise DataError(f"{name}: no column {missing}; it has {table.column_names}: set text_column or label_column")
    table = table.select_columns(list(dict.fromkeys(wanted.values())))
    names = {key: getattr(table.features[column], "names", None) for key, column in wanted.items()}
    for row in table:
        cell = {key: _as_text(row[column], names[key]) for key, column in wanted.items()}
        text = cell["text"]
        if text is not None and text.strip():
            yield make(text, label=cell.get("label"), group=cell.get("group"))


def _as_text(value: Any, names: list[str] | None) -> str | None:
    if value is None:
        return None
    return names[value] if names is not None and 0 <= value < len(names) else str(value)


def _open(name: str, split: str) -> Any:
    path = Path(name).expanduser()
    if path.exists():
        return _open_local(path, split)
    if path.suffix in _FORMATS or name.startswith((".", "/", "~")):
        raise DataError(f"{name}: no such file or folder")
    return _open_hub(name, split)


def _open_local(path: Path, split: str) -> Any:
    """Read into memory, by way of a cache that is thrown away: the library's own serves stale files by path."""
    from datasets import load_dataset, load_from_disk

    try:
        if (path / "dataset_info.json").is_file():
            return load_from_disk(str(path), keep_in_memory=True)
        with tempfile.TemporaryDirectory() as cache:
            options = {"split": split, "cache_dir": cache, "keep_in_memory": True}
            if path.is_dir():
                return load_dataset(str(path), **options)
            if path.suffix not in _FORMATS:
                raise DataError(f"{path}: cannot read {path.suffix or 'such'} files; give one of {sorted(_FORMATS)}")
            return load_dataset(_FORMATS[path.suffix], data_files=str(path), **{**options, "split": "train"})
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a dataset: {error}") from error


def _open_hub(name: str, split: str) -> Any:
    from datasets import load_dataset

    repository, _, configuration = name.partition(":")
    try:
        return load_dataset(repository, configuration or None, split=split)
    except (OSError, ValueError, RuntimeError) as error:
        near = get_close_matches(name, SOURCES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"{name!r} is neither embedded data ({', '.join(SOURCES)}) nor a local path, and the hub gave no "
            f"split {split!r} of it{hint}: {error}"
        ) from error
