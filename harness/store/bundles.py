"""Portable result bundles: all runs and cells of one suite and submission as lines of JSON in one small file.

A bundle is ``.jsonl.gz``, or ``.parquet`` with the same lines in its one column. Lines are a header (``leakboard``:
the bundle version, and the submission's manifest), then lists of record ids (``ids``), runs (``run``) and cells
(``cell``), whose scores are columns over one of these lists. Reading gives the very records that were written.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from harness.errors import StoreError
from harness.store import atomic
from harness.store.files import Record
from harness.store.schema import CellRecord, RunRecord, Score, migrate

__all__ = ["BUNDLE_SUFFIXES", "BUNDLE_VERSION", "read_bundle", "write_bundle"]

BUNDLE_VERSION = 1
BUNDLE_SUFFIXES = (".jsonl.gz", ".parquet")

_SCORES: TypeAdapter[tuple[Score, ...]] = TypeAdapter(tuple[Score, ...])


def write_bundle(path: Path, records: Iterable[Record], manifest: dict[str, Any] | None = None) -> int:
    """Write records as a bundle, atomically, and return its size in bytes; equal records give equal bytes."""
    ordered = sorted(records, key=lambda r: (isinstance(r, CellRecord), r.suite, r.entry, r.point, r.seed, r.key))
    lines = [_text({"leakboard": BUNDLE_VERSION, "manifest": manifest}), *_lines(ordered)]
    content = _parquet(lines) if path.suffix == ".parquet" else gzip.compress("\n".join(lines).encode(), 9, mtime=0)
    atomic.write_file(path, content)
    return len(content)


def read_bundle(path: Path) -> tuple[list[Record], dict[str, Any] | None]:
    """The records of a bundle, and the manifest it carries.

    Raises:
        StoreError: the file is damaged, or of a version that this leakboard does not read; names the file.
    """
    try:
        lines = _read_lines(path)
        header = json.loads(next(lines))
        if header.get("leakboard") != BUNDLE_VERSION:
            raise StoreError(f"bundle of version {header.get('leakboard')!r}; this leakboard reads {BUNDLE_VERSION}")
        return list(_records(lines)), header["manifest"]
    except StoreError as error:
        raise StoreError(f"{path}: {error}") from error
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, StopIteration, AttributeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(f"{path} is damaged or no bundle ({why})") from error


def _lines(records: Sequence[Record]) -> Iterator[str]:
    lists: dict[tuple[str, ...], int] = {}
    for record in records:
        document = record.model_dump(mode="json", exclude={"scores"})
        if isinstance(record, RunRecord):
            yield _text({"run": document})
            continue
        packed = _packed(record.scores)
        for ids in packed:
            if ids not in lists:
                lists[ids] = len(lists)
                yield _text({"ids": ids})
        columns = [[lists[ids], names, values] for ids, (names, values) in packed.items()]
        plain = _unpacked([(ids, names, values) for ids, (names, values) in packed.items()])
        rows = {} if plain == record.scores else {"rows": [[s.record, s.metric, s.value] for s in record.scores]}
        yield _text({"cell": document, **(rows or {"columns": columns})})


def _packed(scores: Sequence[Score]) -> dict[tuple[str, ...], tuple[list[str], list[list[float | None]]]]:
    """Record ids -> (metrics, their values by record); metrics over the same records stand together."""
    by_metric: dict[str, dict[str, float | None]] = {}
    for score in scores:
        by_metric.setdefault(score.metric, {})[score.record] = score.value
    packed: dict[tuple[str, ...], tuple[list[str], list[list[float | None]]]] = {}
    for metric, values in by_metric.items():
        names, columns = packed.setdefault(tuple(values), ([], []))
        names.append(metric)
        columns.append(list(values.values()))
    return packed


def _unpacked(columns: Iterable[tuple[Sequence[str], Sequence[str], Sequence[Sequence[Any]]]]) -> tuple[Score, ...]:
    """Scores record by record, as secrets and tasks write them."""
    return _SCORES.validate_python(
        {"record": record, "metric": name, "value": values[index]}
        for ids, names, table in columns
        for index, record in enumerate(ids)
        for name, values in zip(names, table, strict=True)
    )


def _records(lines: Iterable[str]) -> Iterator[Record]:
    lists: list[Sequence[str]] = []
    for line in lines:
        content = json.loads(line)
        if "ids" in content:
            lists.append(content["ids"])
        elif "run" in content:
            yield RunRecord.model_validate(migrate(content["run"]))
        else:
            scores = _scores(content, lists)
            yield CellRecord.model_validate(migrate(content["cell"])).model_copy(update={"scores": scores})


def _scores(content: dict[str, Any], lists: Sequence[Sequence[str]]) -> tuple[Score, ...]:
    if "rows" in content:
        return tuple(Score(record=record, metric=metric, value=value) for record, metric, value in content["rows"])
    return _unpacked((lists[number], names, values) for number, names, values in content["columns"])


def _read_lines(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return iter(pq.read_table(path)["line"].to_pylist())
    return iter(gzip.decompress(path.read_bytes()).decode().splitlines())


def _parquet(lines: Sequence[str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = pa.BufferOutputStream()
    pq.write_table(pa.table({"line": lines}), out, compression="zstd")
    return bytes(out.getvalue().to_pybytes())


def _text(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
