"""Bibliography entries of submissions, attacks and scenarios, from their manifests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from leaderboard.export.cite_keys import safe_key
from leaderboard.export.formats.bibtex import entry, trusted
from leaderboard.export.frames import listed
from leaderboard.export.provenance import Provenance
from leaderboard.export.request import Request

if TYPE_CHECKING:
    from leaderboard.queries import Board

__all__ = ["to_bib"]


def to_bib(board: Board, request: Request, source: Provenance) -> str:
    """One entry per source that a table of this request can cite, each key once."""
    names = tuple(dict.fromkeys(name.partition("#")[0] for name in request.submission))
    entries: dict[str, str] = {}
    for key, text in (*_submissions(board, names), *_plugins(board)):
        entries.setdefault(key, text)
    return source.comment("% ") + "\n" + "\n".join(entries.values())


def _submissions(board: Board, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    frame = board.submissions(names or None).sort_values("submission")
    columns = ("submission", "cite_key", "bibtex", "title", "source", "authors")
    for name, cited, bibtex, title, source, authors in zip(*(listed(frame, column) for column in columns), strict=True):
        key = safe_key(cited or f"submission:{name}")
        given = trusted(bibtex or "", key)
        yield key, given or entry(key, title or name, source or "", authors, f"leakboard submission {name}")


_TOLD = ("summary", "source")


def _plugins(board: Board) -> Iterator[tuple[str, str]]:
    for kind, frame in (("attack", board.attack_cards()), ("scenario", board.scenarios())):
        in_order = frame.sort_values(kind)
        for name, summary, source in zip(*(listed(in_order, column) for column in (kind, *_TOLD)), strict=True):
            key = safe_key(f"{kind}:{name}")
            yield key, entry(key, summary or name, source or "", (), f"leakboard {kind} {name}")
