"""The builder, on records of known shape."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from harness.assessment.report import result_rows
from harness.errors import StoreError
from harness.store import Store
from harness.store.bundles import write_bundle
from leaderboard.build import build_board, current_board
from leaderboard.queries import FLAGS, Board, open_board
from leaderboard.records import ingest_records
from leaderboard.schema import TABLES
from tests.stand_ins.stored_results import ENTRIES, HOSTILE, TINY, Defended, records

ENDS = ("privacy", "utility", "pue")


def one(board: Board, submission: str, entry: str = ENTRIES[0]) -> pd.Series:
    frame = board.board(submissions=submission, entry=entry)
    assert len(frame) == 1
    return frame.iloc[0]


def test_every_table_has_its_columns(tiny: Path, empty: Path) -> None:
    for path in (tiny, empty):
        for name, table in TABLES.items():
            assert list(open_board(path).table(name).columns) == [c.name for c in table.columns]


def test_rows_are_complete_and_ordered(tiny: Path) -> None:
    frame = open_board(tiny).board()
    assert len(frame) == 12 and (frame["status"] == "ok").all()
    for name in ENDS:
        assert (frame[f"{name}_low"] <= frame[name] + 1e-9).all()
        assert (frame[name] <= frame[f"{name}_high"] + 1e-9).all()
    for _, rows in frame.groupby("entry"):
        assert rows["submission"].iloc[0] == "none" and rows["rank"].isna().iloc[0]
        ranked = rows[rows["ranked"] & (rows["submission"] != "none")]
        assert (ranked["rank_low"] <= ranked["rank"]).all() and (ranked["rank"] <= ranked["rank_high"]).all()
        assert ranked["rank_stability"].nunique() == 1 and ranked["rank_stability"].between(-1, 1).all()
        assert ranked["rank"].tolist() == sorted(ranked["rank"]) and ranked["rank"].iloc[0] == 1
        assert (ranked["rank"] == ranked["pue"].rank(ascending=False, method="min")).all()
        assert rows["ranked"].tolist() == sorted(rows["ranked"], reverse=True)
        assert ranked["group"].iloc[0] == 1


def test_known_truths_are_found(tiny: Path) -> None:
    frame = open_board(tiny).board()
    means = frame.groupby(["submission", "point"])["privacy"].mean()
    assert means["none", 0] < 0.1
    assert means["gaussian_noise", 0] < means["gaussian_noise", 1] < means["gaussian_noise", 2]
    none = frame[frame["submission"] == "none"]
    assert (none["utility"] == 1).all() and (none["efficiency"] == 1).all()
    noisy = frame[frame["submission"] == "gaussian_noise"]
    assert (noisy["strongest"] == "vocabulary_matching adaptive").all()
    assert set(frame.loc[frame["submission"] == "gaussian_noise", "label"]) >= {"noise 0.25 x norm"}


def test_the_board_says_what_the_command_line_says(tmp_path: Path) -> None:
    """One aggregation: the same records through a store and through the builder."""
    write_bundle(tmp_path / "r.jsonl.gz", list(records(TINY[:4])))
    ingest_records([tmp_path / "r.jsonl.gz"], tmp_path / "s.duckdb", trusted=True)
    with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
        reported = {(row.entry, row.submission, row.point): row for row in result_rows(store)}
    frame = open_board(build_board([tmp_path / "r.jsonl.gz"], tmp_path / "b.duckdb")).board()
    assert len(frame) == len(reported)
    for _, row in frame.iterrows():
        stored = reported[row["entry"], row["submission"], row["point"]]
        for name in ("privacy", "privacy_low", "privacy_high", "utility", "utility_low", "efficiency", "pue"):
            assert row[name] == getattr(stored, name)


def test_missing_numbers_are_explained(ragged: Path) -> None:
    frame = open_board(ragged).board()
    lacking = frame[frame["pue"].isna()]
    assert set(lacking["submission"]) == {"all_nan", "crashed", "one_seed"}
    assert lacking["reason"].notna().all()
    # The records of one seed do not show that sharing pays on one of the entries.
    assert set(lacking.loc[lacking["status"] == "ok", "submission"]) == {"one_seed"}
    assert all("no_gain" in flags for flags in lacking.loc[lacking["status"] == "ok", "flags"])
    assert (frame.loc[~frame["ranked"], "reason"].notna()).all()
    overall = open_board(ragged).overall()
    assert overall.loc[overall["pue"].isna(), "reason"].notna().all()


def test_flags_have_definitions_and_bar_rows(ragged: Path) -> None:
    board = open_board(ragged)
    assert {flag for flags in board.board()["flags"] for flag in flags} <= set(FLAGS)
    inside, noise, seed = one(board, "inside"), one(board, "send_noise"), one(board, "one_seed")
    assert "isolation_none" in inside["flags"] and not inside["ranked"] and pd.isna(inside["tier"])
    assert "below_floor" in noise["flags"] and not noise["ranked"] and not noise["on_front"]
    assert "few_seeds" in seed["flags"] and not seed["ranked"] and seed["seeds"] == 1
    assert one(board, "crashed")["status"] == "error" and HOSTILE in one(board, "crashed")["reason"]
    notes = json.loads(noise["notes"])
    assert set(notes) == set(noise["flags"]) and notes["below_floor"]


def test_noise_beats_nothing_although_it_is_private(ragged: Path) -> None:
    frame = open_board(ragged).board(suite="standard-small@2", entry=ENTRIES[0])
    noise = frame[frame["submission"] == "send_noise"].iloc[0]
    assert noise["privacy"] == frame.loc[frame["status"] == "ok", "privacy"].max()
    assert pd.isna(noise["rank"]) and not noise["on_front"]


def test_a_suite_that_is_not_here_is_shown(ragged: Path) -> None:
    board = open_board(ragged)
    suites = board.suites().set_index("suite")
    assert not suites.loc["forgotten@7", "known"] and suites.loc["standard-small@2", "known"]
    assert len(board.board(suite="forgotten@7")) == 1


def test_attacks_carry_raw_values_and_advantages(tiny: Path) -> None:
    frame = open_board(tiny).attacks(submissions="gaussian_noise")
    live = frame[frame["status"] == "ok"]
    assert set(live["attack"]) == {"ridge_inverter", "vocabulary_matching"}
    assert ((live["value_low"] <= live["value"]) & (live["value"] <= live["value_high"])).all()
    assert ((live["advantage_low"] <= live["advantage"]) & (live["advantage"] <= live["advantage_high"])).all()
    expected = (live["value"] - live["floor"]) / (1 - live["floor"])
    assert live["advantage"].to_numpy() == pytest.approx(expected.to_numpy())
    assert (live["control"] == "passed").all()


def test_all_or_nothing_rates_are_never_bare(tiny: Path) -> None:
    frame = open_board(tiny).attacks()
    exact = frame[(frame["metric"] == "exact_match") & (frame["value"] == 0)]
    assert len(exact) and (exact["value_high"] > 0.01).all()


def test_groups_and_pairs_agree(tiny: Path) -> None:
    board = open_board(tiny)
    pairs = board.table("pairs")
    assert ((pairs["low"] <= pairs["difference"]) & (pairs["difference"] <= pairs["high"])).all()
    assert (pairs["p_holm"] >= pairs["p"] - 1e-12).all()
    frame = board.board(entry=pairs["entry"].iloc[0])
    best = frame[frame["rank"] == 1].iloc[0]
    worse = frame[frame["group"] > 1]
    assert len(worse) and (worse["pue"] < best["pue"]).all()
    assert len(pairs[pairs["measure"] == "privacy"]) == 2 * 15


def test_overall_covers_the_suite(tiny: Path) -> None:
    board = open_board(tiny)
    overall, frame = board.overall(), board.board()
    least = frame.groupby(["submission", "point"])["pue"].min()
    for _, row in overall.iterrows():
        assert row["pue"] == least[row["submission"], row["point"]]
    assert overall["indicative"].all() and (overall["covered"] == overall["entries"]).all()


def test_the_hash_depends_on_records_alone(tmp_path: Path) -> None:
    plain = list(records(TINY[:1], n=4))
    write_bundle(tmp_path / "a.jsonl.gz", plain)
    write_bundle(tmp_path / "sub" / "b.parquet", plain[::-1])
    first, two = (
        open_board(build_board([source], tmp_path / f"{i}.duckdb")).meta()["records_hash"]
        for i, source in enumerate((tmp_path / "a.jsonl.gz", tmp_path / "sub"))
    )
    assert first == two


def test_a_reader_keeps_the_old_board_while_the_new_one_comes(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", list(records(TINY[:1], n=4)))
    target = tmp_path / "b.duckdb"
    board = open_board(build_board([tmp_path / "a.jsonl.gz"], target))
    stamp, before = board.stamp, len(board.board())
    write_bundle(tmp_path / "b.jsonl.gz", list(records([Defended("none"), Defended("other", 0, 0.3, 0.8)], n=4))[9:])
    build_board([tmp_path], target)
    assert board.stamp != stamp and len(board.board()) > before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl.gz", "b.duckdb", "b.jsonl.gz"]


def test_a_failed_build_leaves_the_board_alone(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", list(records(TINY[:1], n=4)))
    target = build_board([tmp_path / "a.jsonl.gz"], tmp_path / "b.duckdb")
    before = target.read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(b"broken")
    with pytest.raises(StoreError, match="damaged"):
        build_board([tmp_path / "a.jsonl.gz"], target)
    assert target.read_bytes() == before


def test_the_current_board_is_rebuilt_when_records_change(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.jsonl.gz", list(records(TINY[:1], n=4)))
    target = tmp_path / "b.duckdb"
    first = Board(current_board([tmp_path / "a.jsonl.gz"], target)).stamp
    assert Board(current_board([tmp_path / "a.jsonl.gz"], target)).stamp == first
    write_bundle(tmp_path / "a.jsonl.gz", list(records(TINY[:2], n=4)))
    assert Board(current_board([tmp_path / "a.jsonl.gz"], target)).stamp != first


def test_what_cannot_be_made_again_here_is_claimed(tiny: Path, ragged: Path) -> None:
    """The submitter's word: no source here, or a run without isolation; indicative rows with source are measured."""
    board = open_board(ragged)
    assert one(board, "none")["verified"] == "measured here"
    assert {one(board, name)["verified"] for name in ("one_seed", "inside", "send_noise", "crashed")} == {"claimed"}
    assert set(open_board(tiny).board()["verified"]) == {"measured here"}
