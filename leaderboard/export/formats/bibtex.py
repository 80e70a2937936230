"""BibTeX entries: made from a source in words, or taken from a manifest where they can do no harm."""

from __future__ import annotations

import re
from collections.abc import Sequence

from leaderboard.export.formats.latex_text import escape

__all__ = ["entry", "trusted"]

_SOURCE = re.compile(r"(?P<authors>[^();]+?)\s*\((?P<year>\d{4})\)[,:.]?\s*(?P<title>[^;]+)")
_PLACE = re.compile(
    r",\s*(?P<place>(?:sections?|appendix|appendices|algorithms?|equations?|tables?|figures?|theorems?|chapters?)\b.*)$",
    re.IGNORECASE,
)
_START = re.compile(r"\s*@(?P<kind>[A-Za-z]+)\s*\{\s*(?P<key>[^\s,{}]+)\s*,")
_KINDS = re.compile(
    "article|book|booklet|conference|dataset|inbook|incollection|inproceedings|manual|mastersthesis|misc|online|"
    "phdthesis|proceedings|report|software|techreport|thesis|unpublished"
)
_COMMANDS = re.compile(
    r"[`'^\"~=.&%$#_{},\s-]|[uvHcdbkrtijlLoO]|ss|ae|AE|oe|OE|aa|AA|emph|text(bf|it|sc|tt|rm|endash|emdash|quoteright)|"
    r"url|href|math(rm|cal)|alpha|beta|gamma|delta|epsilon|lambda|mu|sigma|ldots|dots|LaTeX|TeX"
)
"""Commands that an entry may hold; others could read files or run programs."""


def trusted(text: str, key: str) -> str:
    """The entry of a manifest under ``key``; empty unless it is one entry of a known kind that can do no harm.

    It must have balanced braces and harmless commands alone.
    """
    start = _START.match(text)
    if start is None or _KINDS.fullmatch(start["kind"].lower()) is None:
        return ""
    body = text[start.end() :].rstrip()
    if not _closes_once(body) or "^^" in body or not _harmless(body):
        return ""
    cleaned = "\n".join(line.rstrip() for line in body.splitlines() if line.strip())
    first = "" if cleaned.startswith("  ") or "\n" not in cleaned else "  "
    return f"@{start['kind'].lower()}{{{key},\n{first}{cleaned.lstrip() if first else cleaned}\n"


def _closes_once(body: str) -> bool:
    """Say whether the entry's brace is closed by the text's last character and not before."""
    depth = 1
    for place, char in enumerate(body):
        if char in "{}" and body[place - 1] != "\\":
            depth += 1 if char == "{" else -1
            if depth == 0:
                return place == len(body) - 1
    return False


def _harmless(body: str) -> bool:
    return all(_COMMANDS.fullmatch(found) for found in re.findall(r"\\([A-Za-z]+|.|\n)", body))


def entry(key: str, title: str, source: str, authors: Sequence[str], note: str) -> str:
    """A ``misc`` entry; ``source`` such as "Dwork and Roth (2014), Title, section 3" is taken apart where it can be."""
    match = _SOURCE.match(source)
    if match is None:
        fields = {"author": " and ".join(authors), "title": title, "note": _join(source, note)}
    else:
        place = _PLACE.search(match["title"])
        name = match["title"][: place.start()] if place else match["title"]
        rest = source[match.end() :].lstrip("; ")
        full_note = _join(place["place"] if place else "", rest, note)
        fields = {
            "author": _names(match["authors"]),
            "title": name.strip(" ."),
            "year": match["year"],
            "note": full_note,
        }
    lines = [f"  {name} = {{{_field(name, value)}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"]) + "\n"


def _field(name: str, value: str) -> str:
    text = escape(value).replace(r"\allowbreak{}", "")
    return f"{{{text}}}" if name == "title" else text


def _names(text: str) -> str:
    """``A, B and C`` or ``A et al.`` as BibTeX's list."""
    joined = re.sub(r"\s+et al\.?", " and others", text)
    return " and ".join(part.strip() for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", joined) if part.strip())


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
