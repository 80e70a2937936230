"""Answers as HTML that needs no script: cards with a verdict, and bars of what leaks beside the blind floor.

The pages and the static export share it. Colours come from the style sheet, so that both themes fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from leaderboard.answers.choosing import COSTS, Choice, Option
from leaderboard.answers.leaks import Leak
from leaderboard.answers.news import Event
from leaderboard.answers.numbers import Row, measure, number, system
from leaderboard.answers.verdicts import Verdict
from leaderboard.app.escape import hypertext

__all__ = [
    "KINDS",
    "Href",
    "first_sentence",
    "leak_bars",
    "left_out_list",
    "news_list",
    "option_cards",
    "reference_line",
    "row_cards",
    "scenario_cards",
    "verdict_line",
]

Href = Callable[..., str]
"""Address of a page from its name and its state, as keyword arguments."""

KINDS: Mapping[str, tuple[str, str]] = {
    "helps": ("a tested defense helps", "good"),
    "unsettled": ("not settled", "warn"),
    "nothing": ("nothing tested helps", "bad"),
    "no leak": ("no significant leak", ""),
    "no utility": ("leakage only", ""),
    "untested": ("no defense measured", ""),
    "no result": ("no result", ""),
}
"""Kind of verdict -> its words and its tone."""


def first_sentence(text: object) -> str:
    """The first sentence of a summary."""
    head, stop, _ = str(text or "").partition(". ")
    return head + "." if stop else head


def scenario_cards(grouped: Mapping[str, Sequence[Verdict]], summaries: Mapping[str, str], href: Href) -> str:
    """A grid of one card per scenario: the verdict of the entry to open, and the other entries' folded away."""
    cards = (_card(name, items, summaries.get(name, ""), href) for name, items in grouped.items() if items)
    return f'<div class="lb-cards">{"".join(cards)}</div>'


def _card(name: str, items: Sequence[Verdict], summary: str, href: Href) -> str:
    main, *others = items
    title = hypertext(name.replace("_", " "))
    return (
        f'<section class="lb-card"><h3>{title}</h3><p class="lb-legend">{hypertext(first_sentence(summary))}</p>'
        f"{_said(main, href)}{_more(others, href)}</section>"
    )


def _said(item: Verdict, href: Href) -> str:
    words, tone = KINDS[item.kind]
    condition = f' <em class="lb-legend">{hypertext(item.condition)}</em>' if item.condition else ""
    place = hypertext(f"{item.entry}, {item.suite}")
    page = hypertext(href("board", suite=item.suite, entry=item.entry))
    return (
        f'<p><span class="lb-chip {tone}">{words}</span> {hypertext(item.text)}{condition}</p>'
        f'<p><a href="{page}">Board of {place}</a></p>'
    )


def _more(items: Sequence[Verdict], href: Href) -> str:
    if not items:
        return ""
    entries = "".join(f"<li>{_said(item, href)}</li>" for item in items)
    count = f"{len(items)} more entr{'y' if len(items) == 1 else 'ies'}"
    return f"<details><summary>{count} of this scenario</summary><ul>{entries}</ul></details>"


def leak_bars(leaks: Iterable[Leak], href: Href) -> str:
    """One bar per scenario and adversary on an axis from 0 to 1: the attack's score, its interval, the blind floor."""
    return f'<div class="lb-bars">{"".join(_bar(leak, href) for leak in leaks)}</div>'


def _bar(leak: Leak, href: Href) -> str:
    value, floor = (100 * min(1.0, max(0.0, x)) for x in (leak.value, leak.floor))
    ends = ""
    if leak.ends:
        low, high = (100 * min(1.0, max(0.0, x)) for x in leak.ends)
        ends = f'<i class="ends" style="left:{low:.1f}%;width:{max(high - low, 0.4):.1f}%"></i>'
    score = number(leak.value) + (f" [{number(leak.ends[0])}, {number(leak.ends[1])}]" if leak.ends else "")
    weak = "" if leak.significant else " - not significantly more than a blind guess"
    reading = f"{leak.metric.replace('_', ' ')} {score}, a blind guess {number(leak.floor)}{weak}"
    name = f"{leak.scenario.replace('_', ' ')}, {leak.adversary.replace('_', ' ')}"
    address = hypertext(href("attack", attack=leak.attack, suite=leak.suite, entry=leak.entry))
    return (
        f'<div class="lb-bar{"" if leak.significant else " faint"}"><span class="who">{hypertext(name)}</span>'
        f'<span class="track" role="img" aria-label="{hypertext(f"{name}: {reading}")}">'
        f'<i class="fill" style="width:{value:.1f}%"></i>{ends}<i class="floor" style="left:{floor:.1f}%"></i></span>'
        f'<span class="says">{hypertext(reading)} '
        f'(<a href="{address}">{hypertext(leak.attack)}</a> on {hypertext(leak.entry)}, {hypertext(leak.suite)}, '
        f"n {leak.n:,})</span></div>"
    )


def option_cards(choice: Choice, href: Href) -> str:
    """A grid of one card per option: numbers with intervals, costs against undefended, and why it stands there."""
    return f'<div class="lb-cards">{"".join(_option(option, href) for option in choice.options)}</div>'


def _option(option: Option, href: Href) -> str:
    row = option.row
    page = href(
        "defense", submission=row["submission"], suite=row["suite"], entry=row["entry"], point=str(row["point"])
    )
    costs = ", ".join(f"{number(factor, 1)} x {COSTS[name]}" for name, factor in option.factors.items()) or "n/a"
    facts = {
        "Privacy": measure(row, "privacy"),
        "Utility": measure(row, "utility"),
        "Costs": costs,
        "Strongest attack": row["strongest"] or "n/a",
    }
    listing = "".join(f"<dt>{name}</dt><dd>{hypertext(value)}</dd>" for name, value in facts.items())
    return (
        f'<section class="lb-card"><h3><a href="{hypertext(page)}">{hypertext(system(row))}</a></h3>'
        f'<p>{hypertext(option.why)}</p><dl class="lb-facts">{listing}</dl></section>'
    )


def left_out_list(choice: Choice, rows: Iterable[Row]) -> str:
    """The rows that are no option, each with its reason."""
    names = {(row["submission"], int(row["point"])): system(row) for row in rows}
    items = "".join(
        f"<li>{hypertext(names.get(at, at[0]))}: {hypertext(why)}.</li>" for at, why in choice.left_out.items()
    )
    return f"<ul>{items}</ul>"


_NEWS = {"refuted": ("refuted claim", "bad"), "rows": ("new rows", ""), "suite": ("suite", "good")}


def news_list(items: Iterable[Event], href: Href) -> str:
    """The events as a list, the newest first, each with its day and a link to the suite's board."""
    return f'<div class="lb-news">{"".join(_event(item, href) for item in items)}</div>'


def _event(item: Event, href: Href) -> str:
    words, tone = _NEWS[item.kind]
    return (
        f'<section class="lb-card"><p><span class="lb-chip {tone}">{words}</span> '
        f"<strong>{hypertext(item.title)}</strong> <time>{hypertext(item.when[:10])}</time></p>"
        f'<p>{hypertext(item.text)} <a href="{hypertext(href("board", suite=item.suite))}">Board</a></p></section>'
    )


def verdict_line(item: Verdict) -> str:
    """The verdict of one entry as a paragraph."""
    words, tone = KINDS[item.kind]
    condition = f' <em class="lb-legend">{hypertext(item.condition)}</em>' if item.condition else ""
    return f'<p class="lb-lead"><span class="lb-chip {tone}">{words}</span> {hypertext(item.text)}{condition}</p>'


def reference_line(row: Row, href: Href) -> str:
    """The undefended system, which the rows below are compared with and which has no rank."""
    page = href(
        "defense", submission=row["submission"], suite=row["suite"], entry=row["entry"], point=str(row["point"])
    )
    strongest = f", strongest attack {hypertext(row['strongest'])}" if row["strongest"] else ""
    name = hypertext(row["title"] or row["submission"])
    return (
        f'<div class="lb-reference"><a href="{hypertext(page)}">{name}</a>, the '
        f"reference: privacy {measure(row, 'privacy')}, utility {measure(row, 'utility')}{strongest}.</div>"
    )


def row_cards(rows: Iterable[Row], href: Href) -> str:
    """The rows as a list for narrow screens: rank, numbers and strongest attack without scrolling sideways."""
    return f'<div class="lb-rows">{"".join(_row(row, href) for row in rows)}</div>'


def _row(row: Row, href: Href) -> str:
    page = href(
        "defense", submission=row["submission"], suite=row["suite"], entry=row["entry"], point=str(row["point"])
    )
    rank = "" if row["rank"] is None else f"{int(row['rank'])}. "
    facts = {
        "Gained": measure(row, "gain", sign=True),
        "Privacy": measure(row, "privacy"),
        "Utility": measure(row, "utility"),
        "Strongest": row["strongest"] or "n/a",
    }
    if row["rank"] is None and row["reason"]:
        facts["No rank"] = row["reason"]
    listing = "".join(f"<dt>{name}</dt><dd>{hypertext(value)}</dd>" for name, value in facts.items())
    about = f'<p class="lb-legend">{hypertext(row["about"])}</p>' if row.get("about") else ""
    return (
        f'<section class="lb-card"><h3>{rank}<a href="{hypertext(page)}">{hypertext(system(row))}</a></h3>{about}'
        f'<dl class="lb-facts">{listing}</dl></section>'
    )
