"""Sentences about invented people: templates with slots, filled by a seeded Faker.

Spans mark the values that identify a person (names, addresses, numbers, accounts, dates of birth, ages, employers).
Titles, countries, nationalities, jobs and days are filled but not marked. ``female`` is the gender of the person
from whom every name of the sentence is drawn, present where a given name or gendered title shows;
``has_address`` says whether the sentence holds a place (address, street, city, postcode).

Values follow from the seed and the version of Faker, which is pinned for that reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any

from harness.data.record import Record, Span, make
from harness.data.repair import UNREADABLE
from harness.errors import DataError

__all__ = ["COUNT", "fill", "parse"]

COUNT = 4000
"""Distinct sentences that :func:`fill` makes by default."""

_SLOT = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ROUNDS = 200
_EARLIEST, _LATEST = (
    date(1940, 1, 1),
    date(2005, 12, 31),
)  # fixed: Faker's own defaults move with today's date
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NATIONS = (
    "Brazilian",
    "Canadian",
    "Ethiopian",
    "German",
    "Indian",
    "Italian",
    "Kenyan",
    "Korean",
    "Peruvian",
)

_Maker = Callable[[Any, str], str]  # (Faker, "male" or "female") -> value


def parse(text: str) -> tuple[str, ...]:
    r"""Templates of a file (one a line, ``\\n`` for a line break) with at least one identifying slot.

    Raises:
        DataError: slots that nothing fills, all of them named.
    """
    lines = [_plain(line) for line in text.splitlines()]
    unknown = {slot for line in lines for slot in _SLOT.findall(line)} - set(_MAKERS)
    if unknown:
        raise DataError(f"templates have slots that nothing fills: {sorted(unknown)}")
    return tuple(dict.fromkeys(line for line in lines if any(slot in _KINDS for slot in _SLOT.findall(line))))


def fill(templates: Sequence[str], seed: int, count: int = COUNT) -> Iterator[Record]:
    """``count`` distinct records, the templates taken in turn; genders and values are drawn from ``seed``.

    Raises:
        DataError: the templates do not have so many distinct fillings.
    """
    from faker import Faker

    fake = Faker("en_US")
    fake.seed_instance(seed)
    seen: set[str] = set()
    for _ in range(_ROUNDS * (1 + count // max(1, len(templates)))):
        for template in templates:
            if len(seen) == count:
                return
            record = _fill_one(template, fake)
            if record.id not in seen:
                seen.add(record.id)
                yield record
    raise DataError(f"{len(templates)} templates gave {len(seen)} distinct sentences, {count} are asked for")


def _fill_one(template: str, fake: Any) -> Record:
    gender = fake.random.choice(("female", "male"))
    text, spans, end, slots = "", list[Span](), 0, _SLOT.findall(template)
    for slot in _SLOT.finditer(template):
        name = slot.group(1)
        text += template[end : slot.start()]
        value = _MAKERS[name](fake, name.rpartition("_")[2] if name.endswith("male") else gender)
        if name in _KINDS:
            spans.append(Span(len(text), len(text) + len(value), _KINDS[name]))
        text, end = text + value, slot.end()
    return make(text + template[end:], spans=spans, attributes=_attributes(slots, gender))


def _attributes(slots: Sequence[str], gender: str) -> dict[str, int]:
    kinds = {_KINDS.get(slot) for slot in slots}
    attributes = {"has_address": int("LOCATION" in kinds)}
    if any(slot in _GIVEN for slot in slots) and not any(slot.endswith("male") for slot in slots):
        attributes["female"] = int(gender == "female")
    return attributes


def _plain(line: str) -> str:
    return line.replace("\\n", "\n").replace("\\,", ",").replace(f" {UNREADABLE} ", " – ").strip()


def _one_line(value: str) -> str:
    return value.replace("\n", ", ")


def _given(fake: Any, gender: str) -> str:
    return str(fake.first_name_female() if gender == "female" else fake.first_name_male())


def _name(fake: Any, gender: str) -> str:
    return f"{_given(fake, gender)} {fake.last_name()}"


def _title(fake: Any, gender: str) -> str:
    return str(fake.prefix_female() if gender == "female" else fake.prefix_male())


def _day(fake: Any, gender: str) -> str:
    return f"{fake.date_between_dates(_EARLIEST, _LATEST):%d %B %Y}"


def _nation(fake: Any, gender: str) -> str:
    return str(fake.random.choice(_NATIONS))


def _call(method: str) -> _Maker:
    return lambda fake, gender: _one_line(str(getattr(fake, method)()))


_GIVEN = frozenset({"person", "name", "first_name", "prefix"})

_KINDS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("person", "name", "name_female", "name_male", "first_name", "first_name_male"), "PERSON")
    | dict.fromkeys(("first_name_female", "first_name_nonbinary"), "PERSON")
    | dict.fromkeys(("last_name", "last_name_female", "last_name_male"), "PERSON")
    | dict.fromkeys(("address", "street_name", "building_number", "secondary_address", "city"), "LOCATION")
    | dict.fromkeys(("postcode", "zipcode"), "LOCATION")
    | {
        "credit_card_number": "CREDIT_CARD",
        "phone_number": "PHONE",
        "email": "EMAIL",
        "url": "URL",
        "iban": "IBAN",
    }
    | {"ssn": "SSN", "us_driver_license": "DRIVER_LICENSE", "ip_address": "IP_ADDRESS", "age": "AGE"}
    | {"date_of_birth": "DATE_OF_BIRTH", "organization": "ORGANIZATION"}
)

_MAKERS: Mapping[str, _Maker] = MappingProxyType(
    dict.fromkeys(("person", "name", "name_female", "name_male"), _name)
    | dict.fromkeys(("first_name", "first_name_female", "first_name_male"), _given)
    | dict.fromkeys(("last_name", "last_name_female", "last_name_male"), _call("last_name"))
    | dict.fromkeys(("prefix", "prefix_female", "prefix_male"), _title)
    | dict.fromkeys(("date_of_birth", "date_time"), _day)
    | dict.fromkeys(("nationality", "nation_woman"), _nation)
    | {"nation_plural": lambda fake, gender: _nation(fake, gender) + "s"}
    | {"year": lambda fake, gender: str(fake.random.randint(_EARLIEST.year, _LATEST.year))}
    | {slot: _call(slot) for slot in ("address", "street_name", "building_number", "secondary_address", "city")}
    | {slot: _call(slot) for slot in ("postcode", "zipcode", "state_abbr", "country", "job")}
    | {slot: _call(slot) for slot in ("credit_card_number", "phone_number", "email", "url", "iban", "ssn")}
    | {"first_name_nonbinary": _call("first_name_nonbinary"), "ip_address": _call("ipv4")}
    | {"organization": _call("company")}
    | {"us_driver_license": lambda fake, gender: str(fake.bothify("?#######")).upper()}
    | {"day_of_week": lambda fake, gender: str(fake.random.choice(_DAYS))}
    | {"age": lambda fake, gender: str(fake.random.randint(18, 90))}
)
