"""Text that a submission wrote, made harmless before it meets Markdown or HTML."""

from __future__ import annotations

import html
import re

__all__ = ["hypertext", "prose", "safe_link"]

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>$:&<^=\"'@/])")


def prose(text: object) -> str:
    """``text`` so that Markdown shows it letter by letter: no link, image, HTML, formula, colour or emoji code.

    Emoji codes are looked for after Markdown's own escapes are undone, so a word joiner (which has no width)
    follows every colon.
    """
    flat = " ".join(str(text).split())
    return _MARKDOWN.sub(lambda found: f"&#{ord(found[1])};", flat).replace("&#58;", "&#58;&#8288;")


def hypertext(text: object) -> str:
    """``text`` for the inside of an HTML element or a quoted attribute."""
    return html.escape(str(text), quote=True)


def safe_link(address: object) -> str | None:
    """The address if it is a plain web address, else None: ``javascript:`` and ``data:`` never become links."""
    link = str(address or "").strip()
    return link if re.fullmatch(r"https?://[^\s<>\"'`]+", link) else None
