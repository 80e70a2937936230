"""Reading a board: data frames of its tables, filtered; read-only, one connection per call, no access to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.assessment import FLAGS
from harness.errors import StoreError
from leaderboard.ranks import pareto, with_weights
from leaderboard.schema import COLUMNS, SCHEMA_VERSION, TABLES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pandas import DataFrame

__all__ = [
    "COLUMNS",
    "FLAGS",
    "Board",
    "board_path",
    "compare",
    "open_board",
    "pareto",
    "with_weights",
]

Wanted = str | Sequence[str] | None

_GAPPED = frozenset({"rank", "rank_low", "rank_high", "group", "tier", "point_at_utility_90"})
"""Whole numbers that may be missing; pandas would make floats of them."""

_LISTS = frozenset(c.name for table in TABLES.values() for c in table.columns if c.kind.endswith("[]"))


def board_path(store: Path) -> Path:
    """Path of a store's board: ``leakboard.board.duckdb`` beside ``leakboard.duckdb``."""
    return store.with_name(f"{store.stem}.board.duckdb")


def open_board(path: Path | str) -> Board:
    """The board in a file.

    Raises:
        StoreError: there is no such file, it is no board, or one of another version.
    """
    board = Board(Path(path).absolute())
    if not board.path.is_file():
        raise StoreError(f"there is no board at {board.path}; `leakboard build` makes one from records")
    version = board.meta().get("schema_version")
    if version != str(SCHEMA_VERSION):
        raise StoreError(
            f"{board.path} is a board of version {version}, this leakboard reads {SCHEMA_VERSION}; `leakboard build`"
        )
    return board


@dataclass(frozen=True)
class Board:
    """A board's file; every method opens it anew and reads whole rows, which :attr:`stamp` helps to cache.

    Filters are a value or several; None does not filter. Frames have the columns of :data:`leaderboard.schema.TABLES`
    in their order; what is NULL is NaN (``isna``), lists are Python lists.
    """

    path: Path

    @property
    def stamp(self) -> tuple[int, int]:
        """Changes when the file does: (modification time in ns, size)."""
        state = self.path.stat()
        return state.st_mtime_ns, state.st_size

    def meta(self) -> dict[str, str]:
        """Facts about the board: ``schema_version``, ``records_hash``, ``built``, ``leakboard``, ``suites``, ..."""
        frame = self.table("meta")
        return dict(zip(frame["name"], frame["value"], strict=True))

    def board(
        self,
        *,
        suite: Wanted = None,
        entry: Wanted = None,
        scenario: Wanted = None,
        adversary: Wanted = None,
        threat_model: Wanted = None,
        family: Wanted = None,
        verified: Wanted = None,
        submissions: Wanted = None,
    ) -> DataFrame:
        """Rows of the board, best first within each entry; unranked rows last."""
        wanted = {
            "suite": suite,
            "entry": entry,
            "scenario": scenario,
            "adversary": adversary,
            "threat_model": threat_model,
            "family": family,
            "verified": verified,
            "submission": submissions,
        }
        return self.table("board", wanted)

    def overall(self, *, suite: Wanted = None, submissions: Wanted = None) -> DataFrame:
        """Overall rows, best first within each suite."""
        return self.table("overall", {"suite": suite, "submission": submissions})

    def headline(self, *, suite: Wanted = None, entry: Wanted = None, submissions: Wanted = None) -> DataFrame:
        """Joint achievements of each submission's operating points, by entry."""
        return self.table("headline", {"suite": suite, "entry": entry, "submission": submissions})

    def attacks(
        self, *, suite: Wanted = None, entry: Wanted = None, submissions: Wanted = None, attack: Wanted = None
    ) -> DataFrame:
        """Results of attacks."""
        return self.table("attacks", {"suite": suite, "entry": entry, "submission": submissions, "attack": attack})

    def runs(self, *, suite: Wanted = None, entry: Wanted = None, submissions: Wanted = None) -> DataFrame:
        """Runs, with their environment."""
        return self.table("runs", {"suite": suite, "entry": entry, "submission": submissions})

    def cells(self, *, run: Wanted = None, submissions: Wanted = None, attack: Wanted = None) -> DataFrame:
        """Cells, without per-record scores."""
        return self.table("cells", {"run_key": run, "submission": submissions, "name": attack})

    def evidence(self, *, submissions: Wanted = None, attack: Wanted = None) -> DataFrame:
        """Original and reconstructed texts."""
        return self.table("evidence", {"submission": submissions, "attack": attack})

    def pairs(self, *, suite: Wanted = None, entry: Wanted = None) -> DataFrame:
        """Paired differences between rows of an entry."""
        return self.table("pairs", {"suite": suite, "entry": entry})

    def exposed(self, *, suite: Wanted = None, entry: Wanted = None, submissions: Wanted = None) -> DataFrame:
        """Most exposed records of each row."""
        return self.table("exposed", {"suite": suite, "entry": entry, "submission": submissions})

    def overlap(self, *, suite: Wanted = None, entry: Wanted = None, submissions: Wanted = None) -> DataFrame:
        """Records that fall to pairs of attacks."""
        return self.table("overlap", {"suite": suite, "entry": entry, "submission": submissions})

    def bounds(self, *, suite: Wanted = None, entry: Wanted = None, submissions: Wanted = None) -> DataFrame:
        """Lower bounds on epsilon, each with its ceiling."""
        return self.table("bounds", {"suite": suite, "entry": entry, "submission": submissions})

    def diagnostics(self, *, suite: Wanted = None, entry: Wanted = None, submissions: Wanted = None) -> DataFrame:
        """Tests that are never ranked."""
        return self.table("diagnostics", {"suite": suite, "entry": entry, "submission": submissions})

    def strata(self, *, suite: Wanted = None, entry: Wanted = None, submissions: Wanted = None) -> DataFrame:
        """Results of attacks by how many records are behind a release."""
        return self.table("strata", {"suite": suite, "entry": entry, "submission": submissions})

    def tasks(self, *, suite: Wanted = None, entry: Wanted = None, submissions: Wanted = None) -> DataFrame:
        """Results of utility tasks by themselves, beside what they are held against."""
        return self.table("tasks", {"suite": suite, "entry": entry, "submission": submissions})

    def submissions(self, names: Wanted = None) -> DataFrame:
        """Manifests."""
        return self.table("submissions", {"submission": names})

    def scenarios(self) -> DataFrame:
        """Scenario cards."""
        return self.table("scenarios")

    def attack_cards(self) -> DataFrame:
        """Attack cards."""
        return self.table("attack_cards")

    def suites(self) -> DataFrame:
        """Suites with results."""
        return self.table("suites")

    def choices(self, column: str, table: str = "board") -> list[str]:
        """The distinct values of a text column, sorted: what a filter can offer."""
        _check(table, [column])
        with self.connect() as connection:
            sql = f'SELECT DISTINCT "{column}" FROM {table} WHERE "{column}" IS NOT NULL ORDER BY 1'
            return [row[0] for row in connection.execute(sql).fetchall()]

    def table(
        self, name: str, wanted: Mapping[str, Wanted] | None = None, *, order: str = "", columns: Sequence[str] = ()
    ) -> DataFrame:
        """Rows of a table whose columns have one of the ``wanted`` values; all columns or some; in their stored order,
        which is that of the pages, or by ``order`` (SQL).

        Raises StoreError on tables and columns that a board does not have.
        """
        chosen = {column: _listed(values) for column, values in (wanted or {}).items() if values is not None}
        _check(name, [*columns, *chosen])
        where = " AND ".join(f'"{column}" IN (SELECT unnest(?::VARCHAR[]))' for column in chosen)
        sql = f"SELECT {', '.join(_quoted(columns)) or '*'} FROM {name}"
        sql += (f" WHERE {where}" if where else "") + (f" ORDER BY {order}" if order else "")
        with self.connect() as connection:
            return _frame(connection, sql, list(chosen.values()))

    def connect(self) -> DuckDBPyConnection:
        """A new connection to the file, read-only and without access to other files."""
        import duckdb

        try:
            return duckdb.connect(str(self.path), read_only=True, config={"enable_external_access": "false"})
        except duckdb.Error as error:
            raise StoreError(f"{self.path} cannot be read as a board ({error}); `leakboard build` makes one") from error


def compare(board: Board, names: Sequence[str], *, suite: Wanted = None, entry: Wanted = None) -> DataFrame:
    """Paired differences between the rows that ``names`` mean: ``submission`` (all its points) or ``submission#point``.

    Each pair stands once, the one named earlier as A. p-values are corrected over all pairs of an entry.
    """
    pairs = board.table("pairs", {"suite": suite, "entry": entry})
    a = _places(pairs, "a", names)
    b = _places(pairs, "b", names)
    matching = pairs[(a >= 0) & (b >= 0)].copy()
    turned = (b > a)[matching.index]
    return _orient(matching, ~turned & (a != b)[matching.index])


def _places(pairs: DataFrame, side: str, names: Sequence[str]) -> Any:
    """Index in ``names`` of each pair's row, -1 where it is not named."""
    import pandas as pd

    rows = pairs[f"{side}_submission"] + "#" + pairs[f"{side}_point"].astype(str)
    positions = pd.Series(-1, index=pairs.index)
    for index, name in reversed(list(enumerate(names))):
        positions[(rows == name) | (pairs[f"{side}_submission"] == name)] = index
    return positions


def _orient(pairs: DataFrame, turn: Any) -> DataFrame:
    """Swap A and B where ``turn``."""
    swapped = pairs.copy()
    for part in ("submission", "point"):
        swapped[f"a_{part}"] = pairs[f"b_{part}"].where(turn, pairs[f"a_{part}"])
        swapped[f"b_{part}"] = pairs[f"a_{part}"].where(turn, pairs[f"b_{part}"])
    swapped["difference"] = pairs["difference"].where(~turn, -pairs["difference"])
    swapped["low"] = pairs["low"].where(~turn, -pairs["high"])
    swapped["high"] = pairs["high"].where(~turn, -pairs["low"])
    return swapped.reset_index(drop=True)


def _listed(values: str | Sequence[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def _quoted(columns: Sequence[str]) -> list[str]:
    return [f'"{column}"' for column in columns]


def _check(table: str, columns: Sequence[str]) -> None:
    """Names come from code, never from users; refuse what is none, as they are put into SQL."""
    if table not in TABLES:
        raise StoreError(f"a board has no table {table!r}; it has {', '.join(TABLES)}")
    if unknown := [column for column in columns if column not in TABLES[table].kinds]:
        raise StoreError(f"table {table} has no column {', '.join(unknown)}; it has {', '.join(TABLES[table].kinds)}")


def _frame(connection: DuckDBPyConnection, sql: str, values: list[Any]) -> DataFrame:
    # By way of Arrow, texts stay columns of bytes: half the time of making Python strings of them.
    frame: DataFrame = connection.sql(sql, params=values).to_arrow_table().to_pandas()
    for column in _GAPPED.intersection(frame.columns):
        frame[column] = frame[column].astype("Int64")
    for column in _LISTS.intersection(frame.columns):
        frame[column] = [[] if value is None else list(value) for value in frame[column]]
    return frame
