"""What a stranger can write into records, and what the board makes of it: nothing that raises a state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import StoreError
from harness.integrity.contents import contents
from harness.integrity.salts import read_salt
from harness.integrity.seals import Seal, append, make_seal, read_seal, reveal_seal
from harness.integrity.verifications import Verification, write_verification
from harness.store import CellRecord, Record, RunRecord
from harness.store.bundles import write_bundle
from harness.util.keys import key
from leaderboard.build import build_board
from leaderboard.queries import open_board
from leaderboard.records import collect_records, ingest_records
from tests.stand_ins.stored_results import ENVIRONMENT, TINY, Defended, records

ROWS = (*TINY[:2], Defended("stranger", 0, 0.2, 0.88))


def sealed(written: Sequence[Record], seal: str) -> list[Record]:
    """The same records under another salt: other keys, and the seal in the runs."""
    again: list[Record] = []
    for record in written:
        changes = {"key": key(seal, record.key)}
        if isinstance(record, RunRecord):
            entitlement = {**record.entitlement, "salt": "sealed", "seal": seal}
            again.append(record.model_copy(update={**changes, "entitlement": entitlement}))
        else:
            again.append(record.model_copy(update={**changes, "run_key": key(seal, record.run_key)}))
    return again


@pytest.fixture
def seal(tmp_path: Path) -> Path:
    make_seal(tmp_path / "public" / "q.seal.json", tmp_path / "q.salt")
    return tmp_path / "public" / "q.seal.json"


@pytest.fixture
def public() -> list[Record]:
    return list(records(ROWS, entries=("skills-cut0",)))


def official(seal: Path, written: Sequence[Record]) -> list[Record]:
    """Records under the seal, logged as an official run of each submission in them."""
    made = sealed(written, read_seal(seal).commitment)
    for run in {r.submission: r for r in made if isinstance(r, RunRecord)}.values():
        facts = {"submission": run.submission, "source": run.submission_hash, "suite": run.suite}
        append(seal, "begun", **facts)
        append(seal, "finished", **facts, records=contents(made))
    return made


def board_of(folder: Path, *groups: Sequence[Record]) -> pd.DataFrame:
    for number, group in enumerate(groups):
        write_bundle(folder / f"{number}.jsonl.gz", group)
    return open_board(build_board([folder], folder.parent / "x.board.duckdb")).board()


def states(board: pd.DataFrame, submission: str) -> dict[str, str]:
    rows = board[board["submission"] == submission]
    return dict(zip(rows["suite"], rows["verified"], strict=True))


def test_logged_rows_are_sealed_and_rank_among_themselves(seal: Path, public: list[Record]) -> None:
    board = board_of(seal.parent, public, official(seal, public))
    label = f"standard-small@2 sealed {read_seal(seal).commitment[:8]}"
    assert states(board, "stranger") == {"standard-small@2": "claimed", label: "sealed"}
    assert states(board, "gaussian_noise")["standard-small@2"] == "measured here"
    ranked = board[board["ranked"]]
    assert sorted(ranked[ranked["suite"] == label]["rank"].dropna()) == [1, 2], "each suite and seal ranks alone"
    assert set(board["suite_version"]) == {"2"}


def test_a_seal_named_in_a_record_is_worth_nothing(seal: Path, public: list[Record]) -> None:
    """The submitter writes the seal's public hash into records of their own, undefended ones among them."""
    logged = official(seal, [r for r in public if r.submission != "stranger"])
    forged = [
        r.model_copy(update={"key": key("forged", r.key), "created": "2030-01-01T00:00:00+00:00"})
        if isinstance(r, CellRecord)
        else r.model_copy(update={"key": key("forged", r.key)})
        for r in sealed(public, read_seal(seal).commitment)
    ]
    forged = [
        r.model_copy(update={"run_key": key("forged", r.run_key)}) if isinstance(r, CellRecord) else r for r in forged
    ]
    alone = board_of(seal.parent, logged)
    both = board_of(seal.parent, logged, forged)
    label = f"standard-small@2 sealed {read_seal(seal).commitment[:8]}"
    pd.testing.assert_frame_equal(
        both[both["suite"] == label].reset_index(drop=True), alone[alone["suite"] == label].reset_index(drop=True)
    )
    apart = both[both["suite"] == label.replace("sealed", "unlogged")]
    assert set(apart["verified"]) == {"claimed"} and not apart["ranked"].any()
    assert apart["reason"].str.contains("log does not have").all()


def test_a_cell_slipped_under_a_logged_run_is_left_out(seal: Path, public: list[Record]) -> None:
    logged = official(seal, public)
    cell = next(r for r in logged if isinstance(r, CellRecord) and r.submission == "stranger" and r.role == "utility")
    slipped = cell.model_copy(
        update={
            "key": key("slipped"),
            "created": "2030-01-01T00:00:00+00:00",
            "scores": tuple(s.model_copy(update={"value": 1.0}) for s in cell.scores),
        }
    )
    before, after = board_of(seal.parent, logged), board_of(seal.parent, [*logged, slipped])
    pd.testing.assert_frame_equal(before, after)


def test_a_suite_named_like_a_sealed_one_is_refused(seal: Path, public: list[Record], tmp_path: Path) -> None:
    label = f"standard-small@2 sealed {read_seal(seal).commitment[:8]}"
    write_bundle(tmp_path / "x" / "a.jsonl.gz", [r.model_copy(update={"suite": label}) for r in public])
    with pytest.raises(StoreError, match="name@version"):
        build_board([tmp_path / "x"], tmp_path / "x.board.duckdb")


def test_texts_of_a_sealed_run_are_shown_after_the_reveal_alone(seal: Path, public: list[Record]) -> None:
    shown = {"evidence": [{"record": "r000", "original": ["secret"], "recovered": ["secret"]}]}
    made = official(
        seal,
        [
            r.model_copy(update={"facts": shown}) if isinstance(r, CellRecord) and r.role == "attack" else r
            for r in public
        ],
    )
    board_of(seal.parent, made)
    place = seal.parent.parent / "x.board.duckdb"
    assert open_board(place).table("evidence").empty
    reveal_seal(seal, read_salt(seal.parent.parent / "q.salt"))
    board_of(seal.parent, made)
    assert not open_board(place).table("evidence").empty


def verified(written: Sequence[Record], **changes: object) -> Verification:
    cells = sorted(r.key for r in written if isinstance(r, CellRecord))
    run = next(r for r in written if isinstance(r, RunRecord))
    base: dict[str, object] = {
        "verifier": "someone else",
        "time": "2026-01-02T03:04:05+00:00",
        "environment": ENVIRONMENT,
        "suite": run.suite,
        "submission": run.submission,
        "source": run.submission_hash,
        "isolation": run.isolation,
        "records": contents(written),
        "population": len(cells),
        "sampled": tuple(cells),
        "seed": "00",
        "level": 0.95,
        "at_most_wrong": 0,
        "same_platform": True,
    }
    return Verification.model_validate(base | changes)


def test_a_verification_is_about_these_very_records(seal: Path, public: list[Record]) -> None:
    own = [r for r in public if r.submission == "stranger"]
    write_verification(seal.parent, verified(own))
    board = board_of(seal.parent, public)
    assert states(board, "stranger") == {"standard-small@2": "verified"}
    assert states(board, "gaussian_noise") == {"standard-small@2": "measured here"}
    last = next(r for r in reversed(own) if isinstance(r, CellRecord))
    other = last.model_copy(update={"scores": tuple(s.model_copy(update={"value": 1.0}) for s in last.scores)})
    changed = [other if r.key == last.key else r for r in public]
    assert states(board_of(seal.parent, changed), "stranger") == {"standard-small@2": "claimed"}


def test_a_contradicted_row_is_refuted_and_not_ranked(seal: Path, public: list[Record]) -> None:
    own = [r for r in public if r.submission == "gaussian_noise"]
    wrong = next(r.key for r in own if isinstance(r, CellRecord))
    write_verification(seal.parent, verified(own, differing={wrong: "score"}, contradicting=(wrong,)))
    row = (frame := board_of(seal.parent, public))[frame["submission"] == "gaussian_noise"].iloc[0]
    assert row["verified"] == "refuted" and not row["ranked"] and "something else" in row["reason"]


def test_what_is_ingested_is_claimed_unless_the_source_is_trusted(
    seal: Path, public: list[Record], tmp_path: Path
) -> None:
    """Seals and verifications that come with a stranger's records are the stranger's."""
    own = [r for r in public if r.submission == "stranger"]
    write_bundle(tmp_path / "ours" / "a.jsonl.gz", [r for r in public if r.submission != "stranger"])
    write_bundle(tmp_path / "theirs" / "a.jsonl.gz", own)
    write_verification(tmp_path / "theirs", verified(own))
    for trusted, expected in ((False, "claimed"), (True, "verified")):
        store = tmp_path / f"{trusted}.duckdb"
        ingest_records([tmp_path / "ours"], store, trusted=True)
        ingest_records([tmp_path / "theirs"], store, trusted=trusted)
        board = open_board(build_board([store.with_suffix(".files")], tmp_path / "y.board.duckdb")).board()
        assert states(board, "stranger") == {"standard-small@2": expected}
        assert states(board, "gaussian_noise") == {"standard-small@2": "measured here"}


def test_trust_that_comes_later_lifts_the_note(public: list[Record], tmp_path: Path) -> None:
    write_bundle(tmp_path / "ours.jsonl.gz", [r for r in public if r.submission != "stranger"])
    write_bundle(tmp_path / "theirs.jsonl.gz", [r for r in public if r.submission == "stranger"])
    store = tmp_path / "s.duckdb"
    ingest_records([tmp_path / "ours.jsonl.gz"], store, trusted=True)
    ingest_records([tmp_path / "theirs.jsonl.gz"], store)
    assert len(collect_records([store]).claimed) == sum(r.submission == "stranger" for r in public)
    ingest_records([tmp_path / "theirs.jsonl.gz"], store, trusted=True)
    assert collect_records([store]).claimed == {}


def test_what_is_ingested_replaces_nothing_that_was_measured(public: list[Record], tmp_path: Path) -> None:
    """A competitor's later records under a rival's name, and a cell under the rival's own run."""
    write_bundle(tmp_path / "ours.jsonl.gz", public)
    store = tmp_path / "s.duckdb"
    ingest_records([tmp_path / "ours.jsonl.gz"], store, trusted=True)
    before = open_board(build_board([store], tmp_path / "y.board.duckdb")).board()
    worse = list(records((Defended("stranger", 0, 0.9, 0.5),), entries=("skills-cut0",)))
    forged: list[Record] = []
    for record in worse:
        if isinstance(record, RunRecord):
            environment = record.environment.model_copy(update={"created": "2030-01-01T00:00:00+00:00"})
            forged.append(record.model_copy(update={"key": key("x", record.key), "environment": environment}))
        else:
            other = {"key": key("x", record.key), "created": "2030-01-01T00:00:00+00:00"}
            forged.append(record.model_copy(update=other | {"run_key": key("x", record.run_key)}))
            forged.append(record.model_copy(update=other | {"key": key("y", record.key)}))
    write_bundle(tmp_path / "theirs.jsonl.gz", forged)
    assert ingest_records([tmp_path / "theirs.jsonl.gz"], store).new == len(forged)
    after = open_board(build_board([store], tmp_path / "y.board.duckdb")).board()
    pd.testing.assert_frame_equal(before, after)


def test_two_histories_of_a_seal_are_refused(seal: Path, public: list[Record], tmp_path: Path) -> None:
    first = append(seal, "begun", submission="a", source="ab" * 32, suite="toy@1")
    other = first.events[1].model_copy(update={"submission": "b"})
    forged = Seal(commitment=first.commitment, events=(first.events[0], other))
    (seal.parent / "z.seal.json").write_text(json.dumps(forged.model_dump(mode="json")))
    with pytest.raises(StoreError, match="two histories"):
        board_of(seal.parent, public)
