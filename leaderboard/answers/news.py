"""News from the stored results: suites and their versions, new rows, refuted claims; as a list and as an Atom feed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from leaderboard.answers.numbers import Row, listed, system

__all__ = ["Event", "atom", "events"]

_SHOWN = 6
"""Submissions named in one sentence; of more, the number is said."""


@dataclass(frozen=True)
class Event:
    """Something that changed, with the day of the run that changed it."""

    when: str
    """UTC, ISO 8601; the newest of the runs that it comes from."""
    kind: str
    """suite, rows or refuted."""
    title: str
    text: str
    suite: str
    submission: str = ""

    @property
    def id(self) -> str:
        """A name that stays as it is when the board is built again."""
        return f"urn:leakboard:{self.kind}:{self.suite}:{self.submission or 'all'}"


def events(runs: Iterable[Row], board: Iterable[Row], suites: Iterable[Row]) -> list[Event]:
    """Events of the board, the newest first.

    Args:
        runs: rows of ``runs``; their ``created`` are the days.
        board: rows of ``board``, for the refuted claims.
        suites: rows of ``suites``.
    """
    days: dict[str, dict[str, str]] = {}
    for run in runs:
        of_suite = days.setdefault(run["suite"], {})
        of_suite[run["submission"]] = max(of_suite.get(run["submission"], ""), run["created"] or "")
    cards = {row["suite"]: row for row in suites}
    items = [_suite(name, rows, cards.get(name)) for name, rows in days.items()]
    for name, rows in days.items():
        items += _new_rows(name, rows)
    items += _refuted(board, days)
    return sorted(items, key=lambda item: (item.when, item.kind, item.suite, item.submission), reverse=True)


def _suite(name: str, rows: dict[str, str], card: Row | None) -> Event:
    version = "" if card and card["known"] else " An earlier version, or one that is not installed here."
    about = f"{card['title']}. {card['summary'] or ''}".strip() if card and card["title"] not in (None, name) else ""
    count = f"Results of {len(rows)} submission{'s' * (len(rows) != 1)}."
    return Event(min(rows.values()), "suite", f"Suite {name}", f"{count}{version} {about}".strip(), name)


def _new_rows(suite: str, rows: dict[str, str]) -> list[Event]:
    """Submissions of a suite that were measured on one day, together."""
    by_day: dict[str, list[str]] = {}
    for name, when in rows.items():
        by_day.setdefault(when[:10], []).append(name)
    news = []
    for day, names in by_day.items():
        shown = sorted(names)
        words = listed(shown) if len(shown) <= _SHOWN else f"{len(shown)} submissions"
        when = max(rows[name] for name in names)
        news.append(Event(when, "rows", f"{suite}: {words}", f"Measured on {day}: {listed(shown)}.", suite, day))
    return news


def _refuted(board: Iterable[Row], days: dict[str, dict[str, str]]) -> list[Event]:
    """Claims that accounting or an attack disproved, one event per suite and submission."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in board:
        if "claim_refuted" in row["flags"]:
            grouped.setdefault((row["suite"], row["submission"]), []).append(row)
    news = []
    for (suite, name), rows in grouped.items():
        notes = dict.fromkeys(s for row in rows for s in json.loads(row["notes"] or "{}").get("claim_refuted", []))
        text = f"{system(rows[0])}: {'; '.join(notes)}."
        when = days.get(suite, {}).get(name, "")
        news.append(Event(when, "refuted", f"Claim of {name} refuted on {suite}", text, suite, name))
    return news


def atom(items: Sequence[Event], home: str = "") -> bytes:
    """An Atom feed (RFC 4287) of the events; ``home`` is the address of the board, where that is known."""
    feed = ElementTree.Element("feed", xmlns="http://www.w3.org/2005/Atom")
    _add(feed, "title", "leakboard: what changed")
    _add(feed, "id", "urn:leakboard:news")
    _add(feed, "updated", _time(max((item.when for item in items), default="")))
    ElementTree.SubElement(ElementTree.SubElement(feed, "author"), "name").text = "leakboard"
    for item in items:
        entry = ElementTree.SubElement(feed, "entry")
        _add(entry, "title", item.title)
        _add(entry, "id", item.id)
        _add(entry, "updated", _time(item.when))
        _add(entry, "summary", item.text)
        if home:
            ElementTree.SubElement(entry, "link", href=home)
    return bytes(ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True))


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = "".join(letter for letter in text if letter.isprintable())


def _time(when: str) -> str:
    """An RFC 3339 time; the beginning of time where none is known."""
    text = when.replace(" ", "T") or "1970-01-01T00:00:00+00:00"
    return text if "+" in text or text.endswith("Z") else f"{text}Z"
