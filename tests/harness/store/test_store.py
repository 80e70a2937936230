from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import StoreBusy, StoreError
from harness.store import Store
from harness.store.schema import CellRecord, Costs, Environment, LedgerEntry, RunRecord, Score
from harness.util.keys import key

ROOT = Path(__file__).resolve().parents[3]


def run(number: int = 0, **change: Any) -> RunRecord:
    fields: dict[str, Any] = {
        "key": key("run", number),
        "suite": "tiny@1",
        "entry": "e",
        "scenario": "s",
        "submission": "quiet",
        "submission_hash": "00",
        "point": 0,
        "parameters": {"scale": 0.5, "layers": [1, 2]},
        "seed": number,
        "costs": Costs(bytes_up=10, wall_seconds=0.25),
        "ledger": (LedgerEntry(mechanism="gaussian", clip=1.0, scale=2.0, uses=7),),
        "environment": Environment(leakboard="0", created="2026-01-01T00:00:00+00:00"),
    }
    return RunRecord(**(fields | change))


def cell(number: int = 0, **change: Any) -> CellRecord:
    fields: dict[str, Any] = {
        "key": key("cell", number),
        "run_key": key("run", 0),
        "suite": "tiny@1",
        "entry": "e",
        "scenario": "s",
        "submission": "quiet",
        "point": 0,
        "seed": 0,
        "role": "attack",
        "name": "ridge",
        "scores": (
            Score(record="a", metric="token", value=number / 3),
            Score(record="b", metric="token", value=None),
        ),
        "facts": {"fit": {"r2": 0.1}},
    }
    return CellRecord(**(fields | change))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "leakboard.duckdb"


def document_path(path: Path, number: int = 0) -> Path:
    name = key("cell", number)
    return path.with_suffix(".files") / "cells" / name[:2] / f"{name}.json.gz"


def everything(path: Path) -> list[list[dict[str, Any]]]:
    with Store.open(path, read_only=True) as store:
        return [store.query(f"SELECT * FROM {table} ORDER BY ALL") for table in ("meta", "runs", "cells", "scores")]


def test_what_goes_in_comes_out(path: Path) -> None:
    with Store.open(path) as store:
        assert store.cell(cell().key) is None
        assert store.run(run().key) is None
        assert store.put_run(run())
        assert store.put_cell(cell(1))
        assert store.has_cell(cell(1).key)
    with Store.open(path, read_only=True) as store:
        assert store.cell(cell(1).key) == cell(1)
        assert store.run(run().key) == run()
        assert not store.has_cell(cell(2).key)


def test_rows_say_what_the_records_say(path: Path) -> None:
    with Store.open(path) as store:
        store.put_run(run())
        store.put_cell(cell(1))
        (row,) = store.query("SELECT *, (parameters->>'scale')::DOUBLE AS scale FROM runs")
        assert (row["bytes_up"], row["wall_seconds"], row["scale"]) == (10, 0.25, 0.5)
        assert json.loads(row["ledger"])[0]["uses"] == 7
        assert row["created"].startswith("2026")
        scores = store.query(
            "SELECT c.name, s.record, s.value FROM cells c JOIN scores s ON s.cell_key = c.key WHERE c.key = $key "
            "ORDER BY s.record",
            {"key": cell(1).key},
        )
    assert scores == [{"name": "ridge", "record": "a", "value": 1 / 3}, {"name": "ridge", "record": "b", "value": None}]


def test_a_key_is_recognised_and_a_conflict_refused(path: Path) -> None:
    with Store.open(path) as store:
        store.put_run(run())
        store.put_cell(cell())
        elsewhere = Environment(leakboard="9", cpu="another")
        assert not store.put_run(
            run(environment=elsewhere, costs=Costs(bytes_up=10, wall_seconds=9, private_peak_bytes=5))
        )
        assert not store.put_cell(cell(seconds=99.0, reason="other words"))
        with pytest.raises(StoreError, match="another costs"):
            store.put_run(run(costs=Costs(bytes_up=11)))
        with pytest.raises(StoreError, match="another scores, facts"):
            store.put_cell(cell(scores=(), facts={}))
        assert store.cell(cell().key) == cell()
        assert store.query("SELECT count(*) AS n FROM scores") == [{"n": 2}]


@pytest.mark.parametrize("bad", [float("nan"), torch.zeros(2), {1, 2}])
def test_what_is_no_plain_data_is_refused_before_anything_is_written(path: Path, bad: Any) -> None:
    with Store.open(path) as store:
        with pytest.raises(StoreError, match=cell().key):
            store.put_cell(cell(facts={"x": bad}))
        assert not store.has_cell(cell().key)
        assert not document_path(path).exists()
        with pytest.raises(StoreError, match="32 hexadecimal digits"):
            store.put_cell(cell(key="../../x"))


def test_a_reader_never_writes(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store at"):
        Store.open(path, read_only=True)
    assert not path.parent.exists()
    Store.open(path).close()
    with Store.open(path, read_only=True) as store:
        for write in (lambda: store.put_cell(cell()), lambda: store.put_artefact(run().key, {}), store.sync):
            with pytest.raises(StoreError, match="read-only"):
                write()


def test_artefacts_are_committed_whole(path: Path) -> None:
    with Store.open(path) as store:
        assert store.artefact_dir(run().key) is None
        folder = store.put_artefact(run().key, {"wire.bin": b"\x00\x01", "predictions.json": b"{}"})
        assert store.artefact_dir(run().key) == folder
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
            "wire.bin": b"\x00\x01",
            "predictions.json": b"{}",
        }
        assert store.put_artefact(run().key, {"wire.bin": b"other"}) == folder
        assert (folder / "wire.bin").read_bytes() == b"\x00\x01"
        with pytest.raises(StoreError, match="plain file name"):
            store.put_artefact(run(1).key, {"../wire.bin": b""})
        assert store.artefact_dir(run(1).key) is None


def test_files_without_rows_are_taken_in_and_leavings_swept(path: Path) -> None:
    with Store.open(path) as store:
        store.put_cell(cell(0))
    with Store.open(path.with_name("other.duckdb")) as other:
        other.put_run(run())
        other.put_cell(cell(0))
        other.put_cell(cell(1))
    source, target = path.with_name("other.files"), path.with_suffix(".files")
    for file in source.rglob("*.json.gz"):
        moved = target / file.relative_to(source)
        moved.parent.mkdir(parents=True, exist_ok=True)
        moved.write_bytes(file.read_bytes())
    unfinished = document_path(path).with_name(".tmp-1-x.json.gz")
    unfinished.write_bytes(b"half")
    with Store.open(path) as store:
        assert store.has_cell(cell(1).key)
        assert store.sync() == 0
    assert not unfinished.exists()
    assert everything(path) == everything(path.with_name("other.duckdb"))


def test_a_cell_enters_the_database_with_its_scores_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.store import tables

    insert = tables._insert

    def failing(connection: Any, table: tables.Table, rows: Any) -> None:
        if table.name == "scores":
            raise KeyboardInterrupt
        insert(connection, table, rows)

    with Store.open(path) as store:
        monkeypatch.setattr(tables, "_insert", failing)
        with pytest.raises(KeyboardInterrupt):
            store.put_cell(cell())
        assert not store.has_cell(cell().key)
        monkeypatch.undo()
        assert store.put_cell(cell())
        assert store.cell(cell().key) == cell()


DAMAGED = {
    "empty": b"",
    "junk": b"junk",
    "cut": gzip.compress(b"{"),
    "list": gzip.compress(b"[]"),
    "no text": gzip.compress(b"\xff"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)  # what gzip makes, and so its id, has the time in it
def test_damaged_files_are_named(path: Path, content: bytes) -> None:
    with Store.open(path) as store:
        for number in range(3):
            store.put_cell(cell(number))
        document_path(path).write_bytes(content)
        with pytest.raises(StoreError, match=f"{document_path(path).name} is damaged"):
            store.cell(cell().key)
        document_path(path, 1).write_bytes(document_path(path, 1).read_bytes()[:-9])
    before = everything(path)
    with pytest.raises(StoreError) as caught:
        Store.rebuild(path)
    assert all(document_path(path, number).name in str(caught.value) for number in (0, 1))
    assert everything(path) == before


def test_files_in_the_wrong_place_or_gone(path: Path) -> None:
    with Store.open(path) as store:
        store.put_cell(cell(0))
        store.put_cell(cell(1))
        document_path(path).write_bytes(document_path(path, 1).read_bytes())
        with pytest.raises(StoreError, match=f"holds the document of key {cell(1).key}"):
            store.cell(cell().key)
        document_path(path).unlink()
        with pytest.raises(StoreError, match="gone although the database has it"):
            store.cell(cell().key)


def test_documents_of_a_newer_schema_are_refused(path: Path) -> None:
    with Store.open(path) as store:
        store.put_cell(cell())
    document = json.loads(gzip.decompress(document_path(path).read_bytes()))
    document_path(path).write_bytes(gzip.compress(json.dumps(document | {"schema_version": 99}).encode()))
    with pytest.raises(StoreError, match=r"\.json\.gz: document of schema version 99"):
        Store.rebuild(path)


def test_rebuild_gives_the_same_database(path: Path) -> None:
    with Store.open(path) as store:
        store.put_run(run())
        for number in range(5):
            store.put_cell(cell(number))
    before = everything(path)
    assert Store.rebuild(path) == 6
    assert everything(path) == before
    path.write_bytes(b"not a database " * 1000)
    with pytest.raises(StoreError, match="doctor --rebuild"):
        Store.open(path)
    assert Store.rebuild(path) == 6
    assert everything(path) == before
    path.unlink()
    assert Store.rebuild(path) == 6
    assert everything(path) == before


def test_other_layouts_and_foreign_databases_are_refused(path: Path) -> None:
    import duckdb

    Store.open(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET value = '99'")
    with pytest.raises(StoreError, match=r"table layout 99, this leakboard \d+; rebuild it"):
        Store.open(path)
    Store.rebuild(path)
    Store.open(path).close()
    foreign = path.with_name("foreign.duckdb")
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("CREATE TABLE runs (x INTEGER)")
    for read_only in (True, False):
        with pytest.raises(StoreError, match="no leakboard store"):
            Store.open(foreign, read_only=read_only)


def in_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("call", ["Store.open(path)", "Store.open(path, read_only=True)", "Store.rebuild(path)"])
def test_a_second_process_is_told_who_holds_the_store(path: Path, call: str) -> None:
    import os

    with Store.open(path) as store:
        store.put_cell(cell())
        done = in_process(f"from harness.store import Store\npath = {str(path)!r}\n{call}")
        assert "StoreBusy" in done.stderr
        assert f"in use by process {os.getpid()}" in done.stderr
        with pytest.raises(StoreBusy, match="in this process"):
            Store.open(path, read_only=True)


def test_readers_share(path: Path) -> None:
    Store.open(path).close()
    with Store.open(path, read_only=True) as store:
        done = in_process(f"from harness.store import Store\nStore.open({str(path)!r}, read_only=True).close()")
        assert done.returncode == 0, done.stderr
        assert store.query("SELECT count(*) AS n FROM cells") == [{"n": 0}]


def test_queries_from_threads_and_bad_ones(path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with Store.open(path) as store:
        store.put_cell(cell())
        with ThreadPoolExecutor(4) as pool:
            counts = list(pool.map(lambda _: store.query("SELECT count(*) AS n FROM scores"), range(40)))
        assert counts == [[{"n": 2}]] * 40
        with pytest.raises(StoreError, match=r"query on .* failed"):
            store.query("SELECT nothing FROM nowhere")


def test_opening_imports_no_dataframes(path: Path) -> None:
    with Store.open(path) as store:
        store.put_cell(cell())
    done = in_process(
        "import sys\nfrom harness.store import Store\n"
        f"for reader in (True, False):\n    Store.open({str(path)!r}, read_only=reader).close()\n"
        "heavy = {'pandas', 'pyarrow', 'numpy', 'torch'} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    assert done.returncode == 0, done.stderr


def test_an_error_is_replaced_by_a_later_result_and_nothing_else_is(path: Path) -> None:
    with Store.open(path) as store:
        failed = cell(status="error", reason="out of memory", scores=())
        assert store.put_cell(failed)
        assert store.has_cell(failed.key)
        assert not store.has_result(failed.key)
        assert store.put_cell(cell())
        assert store.has_result(failed.key)
        assert len(store.query("SELECT * FROM cells")) == 1
        assert store.query("SELECT * FROM scores")
        with pytest.raises(StoreError, match="status"):
            store.put_cell(failed)
    Store.rebuild(path)
    with Store.open(path, read_only=True) as store:
        assert store.has_result(failed.key)
