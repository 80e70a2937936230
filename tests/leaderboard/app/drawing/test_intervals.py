"""Numbers with intervals, in words and as the pictures of the table."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.app.drawing.intervals import interval_pictures, interval_text, number_text

NUMBER = st.none() | st.floats(allow_nan=True, allow_infinity=True)
SVG = "{http://www.w3.org/2000/svg}"


def drawing(address: str) -> ET.Element:
    head, _, body = address.partition(",")
    assert head == "data:image/svg+xml;utf8"
    return ET.fromstring(unquote(body))


def test_words() -> None:
    assert interval_text(0.444, 0.31, 0.6) == "0.44 [0.31, 0.60]"
    assert interval_text(0.444, None, 0.6) == "0.44"
    assert interval_text(None, 0.1, 0.2) == "n/a"
    assert number_text(-0.001) == "0.00"
    assert number_text(math.nan) == "n/a"
    assert number_text(math.inf) == "n/a"


@given(NUMBER, NUMBER, NUMBER)
def test_every_number_gives_a_drawing(value: float | None, low: float | None, high: float | None) -> None:
    (address,) = interval_pictures([value], [low], [high])
    root = drawing(address)
    missing = value is None or not math.isfinite(value)
    assert (root.find(f"{SVG}text") is not None) is missing
    assert (root.find(f"{SVG}rect") is not None) is (not missing and _known(low) and _known(high))


def _known(number: float | None) -> bool:
    return number is not None and math.isfinite(number)


@pytest.mark.parametrize(("value", "place"), [(0.0, 7.0), (0.5, 51.0), (1.0, 95.0)])
def test_the_dot_is_where_the_value_is(value: float, place: float) -> None:
    (address,) = interval_pictures([value], [0.0], [1.0])
    circle = drawing(address).find(f"{SVG}circle")
    assert circle is not None and float(circle.attrib["cx"]) == place


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_values_off_the_axis_point_outwards(value: float) -> None:
    (address,) = interval_pictures([value], [value - 0.1], [value + 0.1])
    assert drawing(address).find(f"{SVG}circle") is None
    assert len(drawing(address).findall(f"{SVG}path")) == 2
