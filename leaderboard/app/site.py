"""The board as a folder of plain pages: no server, no script, all links relative, so that any file server shows it."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.assessment import FLAGS
from harness.errors import LeakboardError
from leaderboard.answers.gains import COLUMNS as GAIN
from leaderboard.answers.gains import with_gain
from leaderboard.answers.leaks import undefended_leaks
from leaderboard.answers.news import atom, events
from leaderboard.answers.numbers import Row, measure, number, rows_of, system
from leaderboard.answers.verdicts import Verdict, by_scenario, verdicts
from leaderboard.answers.words import LEAD, SUBMIT, TITLE, citation
from leaderboard.app.drawing.answers import (
    first_sentence,
    leak_bars,
    news_list,
    reference_line,
    scenario_cards,
    verdict_line,
)
from leaderboard.app.drawing.grids import exposure_grid, overlap_grid
from leaderboard.app.escape import hypertext
from leaderboard.export import Request, render
from leaderboard.queries import Board
from leaderboard.schema import TABLES

__all__ = ["address", "write_site"]

_STYLE = Path(__file__).parent / "style.css"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - leakboard</title><link rel="stylesheet" href="style.css">
<link rel="alternate" type="application/atom+xml" title="leakboard: what changed" href="news.atom"></head>
<body><nav aria-label="Pages"><a href="index.html">leakboard</a> <a href="news.html">News</a>
<a href="rules.html">Rules</a></nav><main>{body}</main><footer class="lb-legend">{foot}</footer></body></html>
"""
_DATA = ("board", "overall", "attacks", "pairs", "runs")
"""Tables that the site offers as CSV, each in one file."""

Say = Callable[[str], None]


def address(page: str, **state: str) -> str:
    """Name of a page's file: ``board-quick-5-pii-cut25.html``, told apart by a hash where signs had to be replaced."""
    keys = {"board": ("suite", "entry"), "defense": ("submission",), "attack": ("attack",)}.get(page, ())
    words = [state[key] for key in keys if state.get(key)]
    plain = "-".join([page, *words]).replace("@", "-")
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", plain)
    if safe != plain or len(safe) > 120:
        safe = f"{safe[:120]}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"
    return f"{safe}.html"


def write_site(board: Board, folder: Path, say: Say = lambda text: None) -> list[Path]:
    """Write the pages, tables, figures and the news feed of a board; returns the files.

    Pages: the start, a board per entry, one per submission and per attack, news, rules. What lies in the folder under
    other names is left alone; a folder that holds other things than an earlier export is refused.

    Raises:
        LeakboardError: the folder is not empty and no earlier export.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "news.atom").is_file():
        raise LeakboardError(f"{folder} is not empty and holds no earlier export: name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    with board.connect():  # while one connection is open, opening others costs next to nothing
        _write(_Site(board, folder), say)
    return sorted(path for path in folder.iterdir() if path.is_file())


def _write(site: _Site, say: Say) -> None:
    folder, board = site.folder, site.board
    shutil.copyfile(_STYLE, folder / "style.css")
    with (folder / "style.css").open("a", encoding="utf-8") as style:
        style.write(_OWN_STYLE)
    site.start()
    for place in site.verdicts:
        say(f"board of {place.entry}, {place.suite}")
        site.entry(place)
    for name in dict.fromkeys(row["submission"] for row in site.rows):
        site.defense(name)
    for name in dict.fromkeys(row["attack"] for row in site.attacks):
        site.attack(name)
    site.news()
    site.rules()
    for table in _DATA:
        (folder / f"{table}.csv").write_bytes(render(board, Request(table, "csv")))


class _Site:
    """One export: the board's rows, read once, and the folder that pages go to."""

    def __init__(self, board: Board, folder: Path) -> None:
        self.board, self.folder = board, folder
        pairs = board.pairs()
        self.rows = rows_of(with_gain(board.board(), pairs))
        self.attacks = rows_of(board.attacks())
        self.cards = {row["submission"]: row for row in rows_of(board.submissions())}
        self.attack_cards = {row["attack"]: row for row in rows_of(board.attack_cards())}
        self.verdicts = verdicts(self.rows, rows_of(pairs))
        self.meta = board.meta()

    def page(self, name: str, title: str, body: str) -> None:
        meta = self.meta
        foot = (
            f"Records {hypertext(meta.get('records_hash', '')[:12])} of {hypertext(meta.get('runs', ''))} runs, built "
            f"{hypertext(meta.get('built', '')[:10])} by leakboard {hypertext(meta.get('leakboard', ''))}."
        )
        text = _PAGE.format(title=hypertext(title), body=body, foot=foot)
        (self.folder / name).write_text(text, encoding="utf-8")

    def start(self) -> None:
        summaries = {row["scenario"]: row["summary"] or "" for row in rows_of(self.board.scenarios())}
        leaks = undefended_leaks(self.attacks, self.rows)
        files = ", ".join(f'<a href="{name}.csv">{name}</a>' for name in _DATA)
        body = (
            f'<h1 class="lb-title">{TITLE}</h1><p class="lb-lead">{LEAD}</p><h2>What helps</h2>'
            f"{scenario_cards(by_scenario(self.verdicts), summaries, address)}<h2>What leaks without a defense</h2>"
            f"{leak_bars(leaks, address)}<h2>Measure your own defense</h2><pre>{hypertext(SUBMIT)}</pre>"
            f"<h2>Cite</h2><pre>{hypertext(citation(self.meta))}</pre><h2>Data</h2><p>All rows as CSV: {files}.</p>"
        )
        self.page("index.html", "Start", body)

    def entry(self, place: Verdict) -> None:
        rows = [row for row in self.rows if (row["suite"], row["entry"]) == (place.suite, place.entry)]
        bare = [row for row in rows if row["submission"] == "none"]
        ranked = [row for row in rows if row["rank"] is not None]
        others = [row for row in rows if row["rank"] is None and row["submission"] != "none"]
        name = address("board", suite=place.suite, entry=place.entry)
        figure = self._figure(place, Path(name).stem)
        hidden = f"<details><summary>{len(others)} rows without a rank</summary>{self._board(others)}</details>"
        first = self._board(ranked) if ranked else "<p>No defense has a rank here.</p>"
        body = (
            f'<h1 class="lb-title">{hypertext(place.entry)}</h1><p class="lb-lead">{hypertext(place.suite)}, scenario '
            f"{hypertext(place.scenario)}</p>{verdict_line(place)}{reference_line(bare[0], address) if bare else ''}"
            f"{first}{hidden if others else ''}{figure}"
        )
        self.page(name, f"{place.entry}, {place.suite}", body)

    def _figure(self, place: Verdict, stem: str) -> str:
        """The trade-off as SVG, and the table for LaTeX; nothing where the entry has no utility."""
        parts = []
        asked: dict[str, Any] = {"suite": (place.suite,), "entry": (place.entry,)}
        try:
            (self.folder / f"{stem}.tex").write_bytes(render(self.board, Request("board", "latex", **asked)))
            parts.append(f'<p><a href="{stem}.tex">This table for LaTeX</a></p>')
            (self.folder / f"{stem}.svg").write_bytes(render(self.board, Request("tradeoff", "svg", **asked)))
            parts.append(f'<img class="lb-figure" src="{stem}.svg" alt="Privacy against utility on this entry">')
        except LeakboardError:  # says that nothing can be drawn: the page has the numbers
            pass
        return "".join(parts)

    def _board(self, rows: Sequence[Row]) -> str:
        columns: dict[str, Callable[[Row], str]] = {
            "Gained": lambda row: measure(row, "gain", sign=True),
            "Rank": lambda row: "" if row["rank"] is None else f"{int(row['rank'])}",
            "Places": _places,
            "Group": lambda row: "" if row["group"] is None else f"{int(row['group'])}",
            "Defense": system,
            "Privacy": lambda row: measure(row, "privacy"),
            "Utility": lambda row: measure(row, "utility"),
            "Efficiency": lambda row: number(row["efficiency"]),
            "PUE": lambda row: number(row["pue"]),
            "Strongest attack": lambda row: row["strongest"] or "n/a",
            "Flags": lambda row: ", ".join(FLAGS[flag][0] if flag in FLAGS else flag for flag in row["flags"]),
            "Status": lambda row: row["reason"] or row["status"] or "",
            "Description": lambda row: first_sentence((self.cards.get(row["submission"]) or {}).get("summary")),
        }
        link = {"Defense": lambda row: address("defense", submission=row["submission"])}
        return _table(columns, rows, link)

    def defense(self, name: str) -> None:
        card = self.cards.get(name) or {}
        rows = [row for row in self.rows if row["submission"] == name]
        facts = {
            "Authors": ", ".join(card.get("authors") or []),
            "Source": card.get("source"),
            "Licence": card.get("licence"),
            "Family": card.get("family"),
        }
        columns: dict[str, Callable[[Row], str]] = {
            "Entry": lambda row: f"{row['entry']}, {row['suite']}",
            "Point": lambda row: str(row["label"] or row["point"]),
            "Gained": lambda row: measure(row, "gain", sign=True),
            "Privacy": lambda row: measure(row, "privacy"),
            "Utility": lambda row: measure(row, "utility"),
            "Strongest attack": lambda row: row["strongest"] or "n/a",
            "Claimed epsilon": lambda row: number(row["claim_epsilon"]),
            "Epsilon": lambda row: number(row["measured_epsilon"]),
            "State": lambda row: row["verified"] or "",
            "Flags": lambda row: ", ".join(FLAGS[flag][0] if flag in FLAGS else flag for flag in row["flags"]),
        }
        link = {"Entry": lambda row: address("board", suite=row["suite"], entry=row["entry"])}
        listing = "".join(f"<dt>{key}</dt><dd>{hypertext(value or 'n/a')}</dd>" for key, value in facts.items())
        body = (
            f'<h1 class="lb-title">{hypertext(card.get("title") or name)}</h1><p class="lb-lead">'
            f'{hypertext(card.get("summary") or "")}</p><dl class="lb-facts">{listing}</dl>'
            f"<h2>Scores</h2>{_table(columns, rows, link)}{self._fallen(name)}"
        )
        self.page(address("defense", submission=name), str(card.get("title") or name), body)

    def _fallen(self, name: str) -> str:
        """Overlap of attacks and most exposed records of each row of a submission, folded away."""
        exposed, pairs = (_by_row(rows_of(ask(submissions=name))) for ask in (self.board.exposed, self.board.overlap))
        labels = {_key(row): row["label"] for row in self.rows}
        parts = []
        for key, rows in pairs.items():
            title = hypertext(f"{key[1]}, {key[0]}, {labels.get(key) or key[3]}: {rows[0]['metric']}")
            grid = exposure_grid(exposed[key]) if key in exposed else ""
            parts.append(f"<details><summary>{title}</summary>{overlap_grid(rows)}{grid}</details>")
        return f"<h2>Which records fall to which attack</h2>{''.join(parts)}" if parts else ""

    def attack(self, name: str) -> None:
        card = self.attack_cards.get(name) or {}
        counting = [row for row in self.attacks if row["attack"] == name and row["advantage"] is not None]
        rows = sorted(counting, key=lambda row: -row["advantage"])[:100]
        columns: dict[str, Callable[[Row], str]] = {
            "Entry": lambda row: f"{row['entry']}, {row['suite']}",
            "Submission": lambda row: f"{row['submission']}#{row['point']}",
            "Variant": lambda row: row["variant"] or "",
            "Metric": lambda row: (row["metric"] or "").replace("_", " "),
            "Value": lambda row: measure(row, "value"),
            "Blind floor": lambda row: number(row["floor"]),
            "Advantage": lambda row: measure(row, "advantage"),
            "n": lambda row: f"{row['n']:,}",
        }
        link = {"Submission": lambda row: address("defense", submission=row["submission"])}
        body = (
            f'<h1 class="lb-title">{hypertext(name)}</h1><p class="lb-lead">{hypertext(card.get("summary") or "")}</p>'
            f"<p>{hypertext(card.get('source') or '')}</p>{_table(columns, rows, link)}"
        )
        self.page(address("attack", attack=name), name, body)

    def news(self) -> None:
        items = events(rows_of(self.board.runs()), self.rows, rows_of(self.board.suites()))
        (self.folder / "news.atom").write_bytes(atom(items, "index.html"))
        entries = {item.suite: item.entry for item in reversed(self.verdicts)}

        def href(page: str, **state: str) -> str:
            return address(page, **{**state, "entry": entries.get(state.get("suite", ""), "")})

        body = f'<h1 class="lb-title">News</h1><p><a href="news.atom">Atom feed</a></p>{news_list(items, href)}'
        self.page("news.html", "News", body)

    def rules(self) -> None:
        columns = {column.name: column for column in (*GAIN, *TABLES["board"].columns)}.values()
        flags = "".join(f"<dt>{hypertext(title)}</dt><dd>{hypertext(text)}</dd>" for title, text in FLAGS.values())
        words = "".join(f"<dt>{hypertext(c.title)}</dt><dd>{hypertext(c.definition)}</dd>" for c in columns)
        body = (
            f'<h1 class="lb-title">Rules</h1><h2>Columns</h2><dl class="lb-facts">{words}</dl>'
            f'<h2>Flags</h2><dl class="lb-facts">{flags}</dl>'
        )
        self.page("rules.html", "Rules", body)


def _key(row: Row) -> tuple[str, str, str, int]:
    return row["suite"], row["entry"], row["submission"], int(row["point"])


def _by_row(rows: Iterable[Row]) -> dict[tuple[str, str, str, int], list[Row]]:
    grouped: dict[tuple[str, str, str, int], list[Row]] = {}
    for row in rows:
        grouped.setdefault(_key(row), []).append(row)
    return grouped


def _places(row: Row) -> str:
    low, high = row["rank_low"], row["rank_high"]
    return "" if low is None or high is None else f"{int(low)}" if low == high else f"{int(low)}-{int(high)}"


def _table(
    columns: Mapping[str, Callable[[Row], str]], rows: Sequence[Row], links: Mapping[str, Callable[[Row], str]]
) -> str:
    """An HTML table; on a narrow screen its cells stand under each other with their titles."""
    head = "".join(f'<th scope="col">{hypertext(title)}</th>' for title in columns)
    lines = []
    for row in rows:
        cells = []
        for title, words in columns.items():
            text = hypertext(words(row))
            inside = f'<a href="{hypertext(links[title](row))}">{text}</a>' if title in links else text
            cells.append(f'<td data-title="{hypertext(title)}">{inside}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="lb-scroll" tabindex="0"><table class="lb-grid lb-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


_OWN_STYLE = """
:root {color-scheme: light dark;
  --lb-quiet: light-dark(#4d5863, #b4bec9); --lb-line: light-dark(#dfe4ea, #3a4450);
  --lb-soft: light-dark(#f6f7f9, #1d242c); --lb-link: light-dark(#1f5f99, #7fb8ea);
  --lb-accent: light-dark(#1f5f99, #62a5df); --lb-leak: light-dark(#b5460a, #f0894d);
  --lb-floor: light-dark(#1c2733, #f2f4f6)}
body {font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 90rem; padding: .8rem 1.2rem;
  background: light-dark(#fff, #12171d); color: light-dark(#1c2733, #e6ebf0)}
nav a {margin-right: 1rem; font-weight: 600}
a {color: var(--lb-link)}
h2 {font-size: 1.2rem; margin: 1.4rem 0 .5rem 0}
pre {background: var(--lb-soft); padding: .6rem .8rem; overflow-x: auto}
.lb-facts {margin-left: 0}
.lb-figure {max-width: 100%; background: #fff; border-radius: .3rem; margin-top: 1rem}
.lb-table td {white-space: normal; min-width: 4.5rem}
@media (max-width: 640px) {
  .lb-table thead {display: none}
  .lb-table tr {display: block; border: 1px solid var(--lb-line); border-radius: .4rem; margin-bottom: .7rem}
  .lb-table td {display: grid; grid-template-columns: 8rem 1fr; border: none; overflow-wrap: anywhere}
  .lb-table td::before {content: attr(data-title); color: var(--lb-quiet)}
}
"""
