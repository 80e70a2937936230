"""Repairs of known damage in the embedded texts. Each function is pure and leaves sound text alone."""

from __future__ import annotations

import html
import re

__all__ = ["UNREADABLE", "fold_spaces", "news_text", "sms_text", "without_urls"]

UNREADABLE = "\ufffd"
"""What a decoder leaves where it met bytes that are no character."""

_NON_ASCII = re.compile(r"[^\x00-\x7f]+")
_URL = re.compile(r"(?:https?:?/*|www\.)\S*|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,4}/\S*", re.IGNORECASE)
_ENDING = r"(?=(?:t|s|re|ve|ll|d|m)\b)"
_CONTROLS = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}


def fold_spaces(text: str) -> str:
    """Every run of white space becomes one blank; the ends are stripped."""
    return " ".join(text.split())


def without_urls(text: str) -> str:
    """The text without web addresses, also those cut short at the end, and with HTML entities resolved."""
    return fold_spaces(_URL.sub("", html.unescape(text)))


def sms_text(text: str) -> str:
    r"""Undo the encoding accident of the packaged SMS corpus (text read as Latin-1).

    Its UTF-8 bytes were once read as Windows-1252, saved as Mac Roman, and lost to ``_`` where Mac Roman lacks
    the sign: a lost second byte of ü or third byte of … is restored, as the corpus has them almost alone.
    A backslash stands for an opening quotation mark, ``\"`` for any other; a closing mark that was never
    opened is dropped. A carriage return begins a second message that was glued on: it is cut off.
    """
    text = text.split("\r", 1)[0]
    if not text.isascii():
        shown = text.encode("latin-1").decode("mac_roman")
        shown = shown.replace("Ã_", "Ã¼").replace("â€_", "â€¦")
        text = _NON_ASCII.sub(lambda run: _utf8_read_as_1252(run.group()), shown).translate(_CONTROLS)
    text = fold_spaces(html.unescape(text.replace('\\""', '"').replace('\\"', '"').replace("\\", '"')))
    return text[:-1].rstrip() if text.endswith('"') and text.count('"') % 2 else text


def _utf8_read_as_1252(run: str) -> str:
    try:
        return run.encode("cp1252").decode("utf-8")
    except UnicodeError:  # not such an accident: a sign that was right all along
        return run


def news_text(text: str) -> str:
    """Restore punctuation that the packaged news corpus lost: ``"?`` stands for a mark and the blank after it.

    By what surrounds it, it was a closing quotation mark, the apostrophe of a plural genitive, an opening mark
    (blank before, capital after) or a dash (blank before, small letter after).
    """
    text = re.sub(r"(?<=[.,!?])\"\?+", '" ', text)
    text = re.sub(r"(?<=\s)\"\?(?=[A-Z0-9\[(])", '"', text)
    text = re.sub(r"(?<=\s)\"\?", "– ", text)
    text = re.sub(r"(?<=s)\"\?(?=[a-z])", "' ", text).replace('"?', '" ')
    text = re.sub(rf"(?<=[A-Za-z])\"{UNREADABLE}?{_ENDING}", "'", text)
    text = re.sub(r",-1\"?\s*$", "", text.replace(f'"{UNREADABLE}', '"'))
    return fold_spaces(html.unescape(text))
