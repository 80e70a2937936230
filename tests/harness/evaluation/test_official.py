"""Official runs on a tiny model: logged before they compute, only under their own salt, recomputed after the reveal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.assessment.report import result_rows
from harness.errors import SealError
from harness.evaluation.evaluate import evaluate
from harness.evaluation.official import official_run, revealed_salt
from harness.integrity.contents import contents
from harness.integrity.salts import draw_salt, read_salt
from harness.integrity.seals import append, make_seal, read_seal, reveal_seal
from harness.plugins.submission import Submission
from harness.store import RunRecord, Store
from tests.stand_ins.quiet_progress import Quiet
from tests.stand_ins.toy_suite import write_toy_suite

SHIPPED = "int8_quantise"


@pytest.fixture
def suite(tmp_path: Path, toy_folder: Path, toy_csv: Path) -> Path:
    return write_toy_suite(tmp_path / "toysuite.toml", toy_folder, toy_csv)


@pytest.fixture
def seal(tmp_path: Path) -> Path:
    make_seal(tmp_path / "q.seal.json", tmp_path / "q.salt")
    return tmp_path / "q.seal.json"


def run(seal: Path, suite: Path, submission: str | Path = SHIPPED, **options: object) -> None:
    options = {"isolation": "process", "progress": Quiet(), "store_path": seal.with_name("s.duckdb")} | options
    official_run(submission, suite, seal_path=seal, salt_file=seal.with_name("q.salt"), **options)  # type: ignore[arg-type]


def stored(path: Path) -> dict[str, str]:
    with Store.open(path, read_only=True) as store:
        runs = [store.run(row["key"]) for row in store.query("SELECT key FROM runs")]
        cells = [store.cell(row["key"]) for row in store.query("SELECT key FROM cells")]
    return contents(record for record in [*runs, *cells] if record)


def test_from_seal_to_reveal_to_the_same_bytes(seal: Path, suite: Path, tmp_path: Path, shared_workers: None) -> None:
    run(seal, suite)
    log = read_seal(seal)
    assert [event.kind for event in log.events] == ["sealed", "begun", "finished"]
    records = stored(tmp_path / "s.duckdb")
    assert log.events[-1].records == records and {k: frozenset([d]) for k, d in records.items()} == log.logged()
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        runs = [store.run(row["key"]) for row in store.query("SELECT key FROM runs")]
    assert {r.entitlement["seal"] for r in runs if isinstance(r, RunRecord)} == {log.commitment}
    with pytest.raises(SealError, match="not revealed"):
        revealed_salt(seal)
    reveal_seal(seal, read_salt(tmp_path / "q.salt"))
    fresh = tmp_path / "fresh.duckdb"
    evaluate(SHIPPED, suite, fresh, progress=Quiet(), salt=revealed_salt(seal))
    assert stored(fresh) == records, "everyone can now compute every record"
    with pytest.raises(SealError, match="new seal"):
        run(seal, suite)


@pytest.mark.slow
def test_sealed_rows_share_no_entry_with_public_ones(
    seal: Path, suite: Path, tmp_path: Path, shared_workers: None
) -> None:
    run(seal, suite)
    evaluate(SHIPPED, suite, tmp_path / "s.duckdb", progress=Quiet())
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        rows = result_rows(store)
    label = f"toysuite@1 seal {read_seal(seal).commitment[:8]}"
    assert {(row.suite, row.submission) for row in rows} == {
        (where, who) for where in (label, "toysuite@1") for who in ("none", SHIPPED)
    }


def test_refusals_come_before_anything_is_computed(
    seal: Path, suite: Path, tmp_path: Path, submission: Callable[..., Submission]
) -> None:
    stranger = submission("class Plugin(Defense): pass\n")
    with pytest.raises(SealError, match="--isolation sandbox"):
        run(seal, suite, stranger.folder)
    for source in ("1" * 64, "2" * 64, "3" * 64):
        append(seal, "begun", submission="plugin", source=source, suite="toysuite@1", isolation="sandbox")
    with pytest.raises(SealError, match="3 sources of plugin"):
        run(seal, suite, stranger.folder, isolation="sandbox")
    (tmp_path / "q.salt").unlink()
    draw_salt(tmp_path / "q.salt")
    with pytest.raises(SealError, match="another seal"):
        run(seal, suite)
    assert not (tmp_path / "s.duckdb").exists()
    assert [event.kind for event in read_seal(seal).events] == ["sealed", *["begun"] * 3]
