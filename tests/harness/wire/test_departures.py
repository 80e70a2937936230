"""Distances of what was sent from what the defense was given."""

from __future__ import annotations

import torch

from harness.wire.departures import departures_of
from harness.wire.message import Kind, Message, encode


def test_rows_of_one_text_are_one_distance_where_gradients_are_sent() -> None:
    """Noise that is drawn once for a text moves all of its rows: tests of rows would take that for many draws."""
    before = Message(Kind.GRADIENT, {"hidden": torch.zeros(5, 2), "lengths": [2, 3]})
    after = before.replace(hidden=torch.tensor([[3.0, 0], [0, 4], [1, 0], [2, 0], [2, 0]]))
    (moved, lengths) = departures_of("p", after, encode(before))
    assert moved.rows.tolist() == [5.0, 3.0] and lengths.rows.tolist() == [0.0, 0.0]
    states = Message(Kind.HIDDEN, before.payload)
    assert len(next(departures_of("p", states.replace(hidden=after["hidden"]), encode(states))).rows) == 5
