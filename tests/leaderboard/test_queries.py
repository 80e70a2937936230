"""Reading: filters, weights, comparisons, and what a reader must not be able to do."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pytest

from harness.errors import StoreError
from leaderboard.queries import COLUMNS, FLAGS, board_path, compare, open_board, pareto, with_weights
from leaderboard.schema import TABLES
from tests.stand_ins.stored_results import HOSTILE


def test_filters_take_one_or_several(tiny: Path) -> None:
    board = open_board(tiny)
    assert set(board.board(submissions="none")["submission"]) == {"none"}
    two = board.board(submissions=["none", "int8_quantise"], entry="skills-cut25")
    assert set(two["submission"]) == {"none", "int8_quantise"} and set(two["entry"]) == {"skills-cut25"}
    assert len(board.board(submissions=[])) == 0
    assert len(board.board(scenario="split_llm", adversary="server", verified="measured here")) == 12
    assert len(board.board(family="compression")) == 4


def test_values_are_never_sql(ragged: Path) -> None:
    board = open_board(ragged)
    assert len(board.board(submissions="x'); DROP TABLE board; --")) == 0
    assert len(board.board(submissions=HOSTILE)) == 2
    with pytest.raises(StoreError, match="has no column"):
        board.table("board", {"1=1; --": "x"})
    with pytest.raises(StoreError, match="has no table"):
        board.table("board; DROP TABLE board")


def test_a_reader_cannot_write_nor_read_files(tiny: Path) -> None:
    with open_board(tiny).connect() as connection:
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("DELETE FROM board")
        with pytest.raises(duckdb.Error, match="disabled"):
            connection.execute("SELECT * FROM read_text('/etc/hostname')")


def test_choices_for_filters(tiny: Path) -> None:
    board = open_board(tiny)
    assert board.choices("entry") == ["pii-cut25", "skills-cut25"]
    assert "none" in board.choices("submission")


def test_what_is_no_board_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no board at"):
        open_board(tmp_path / "none.duckdb")
    (tmp_path / "text.duckdb").write_text("not a database")
    with pytest.raises(StoreError, match="cannot be read as a board"):
        open_board(tmp_path / "text.duckdb")
    with duckdb.connect(str(tmp_path / "old.duckdb")) as connection:
        connection.execute("CREATE TABLE meta (name VARCHAR, value VARCHAR)")
        connection.execute("INSERT INTO meta VALUES ('schema_version', '0')")
    with pytest.raises(StoreError, match="board of version 0"):
        open_board(tmp_path / "old.duckdb")


def test_an_empty_board_answers(empty: Path) -> None:
    board = open_board(empty)
    assert len(board.board()) == len(board.overall()) == len(board.attacks()) == 0
    assert len(pareto(board.board())) == len(with_weights(board.board(), 0.2, 0.2, 0.6)) == 0
    assert len(compare(board, ["none", "gaussian_noise"])) == 0


def test_comparisons_stand_once_in_the_order_of_the_names(tiny: Path) -> None:
    board = open_board(tiny)
    forth = compare(board, ["int8_quantise", "gaussian_noise#1"], entry="skills-cut25")
    back = compare(board, ["gaussian_noise#1", "int8_quantise"], entry="skills-cut25")
    assert set(forth["a_submission"]) == {"int8_quantise"} and set(back["a_submission"]) == {"gaussian_noise"}
    assert len(forth) == 3
    assert forth["difference"].to_numpy() == pytest.approx(-back["difference"].to_numpy())
    assert forth["low"].to_numpy() == pytest.approx(-back["high"].to_numpy())
    all_points = compare(board, ["none", "gaussian_noise"], entry="skills-cut25")
    assert set(all_points.loc[all_points["a_submission"] == "none", "b_point"]) == {0, 1, 2}


def test_many_threads_read_at_once(tiny: Path) -> None:
    board, lengths = open_board(tiny), []

    def read() -> None:
        lengths.append(len(board.board()))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [12] * 8


def test_every_column_is_explained() -> None:
    for table in TABLES.values():
        for column in table.columns:
            title, definition, _ = COLUMNS[column.name]
            assert title and definition.endswith(".")
    for title, tip in FLAGS.values():
        assert title and tip.endswith(".")


def test_the_board_lies_beside_the_store() -> None:
    assert board_path(Path("results/leakboard.duckdb")) == Path("results/leakboard.board.duckdb")
