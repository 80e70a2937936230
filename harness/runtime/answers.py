"""Reading the end of a run as what it is: words of a process that a submission may have taken over.

Everything is held against a schema, and every party may speak for itself alone; what does not fit is a
:class:`DefenseError` of this run.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import CodecError, DefenseError
from harness.store.schema import LedgerEntry
from harness.util.untrusted import one_line
from harness.wire.coalition import SERVER
from harness.wire.log import WireLog

__all__ = ["Finished", "SetupCost", "read_finished", "read_own"]

Count = Annotated[int, Field(ge=0, lt=2**62)]
"""A number of operations: with room to be added up in 64 bits."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SetupCost(_Answer):
    """Costs of ``prepare`` and ``setup`` of all parties."""

    seconds: float = Field(ge=0)
    flops: Count


class Finished(_Answer):
    """The result of a run on the private side."""

    predictions: dict[str, dict[str, Any]]
    """Party -> record -> prediction."""
    ledger: tuple[LedgerEntry, ...]
    flops: Count
    setup: SetupCost


def read_finished(result: object, parties: Collection[str]) -> Finished:
    """The answer to ``finish``; :class:`DefenseError` where it has another shape or speaks for somebody else."""
    try:
        # As JSON, where an array may become a tuple and nothing else is converted.
        finished = Finished.model_validate_json(json.dumps(result))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        message = f"the worker's result does not have the expected form: {where}: {first['msg']}"
        raise DefenseError(one_line(message)) from error
    strangers = finished.predictions.keys() - set(parties)
    strangers |= {entry.party for entry in finished.ledger} - set(parties)
    if strangers:
        names = one_line(", ".join(sorted(repr(name) for name in strangers)), 100)
        raise DefenseError(f"the worker's result speaks for {names}, which it does not hold")
    return finished


def read_own(data: bytes, parties: Collection[str]) -> WireLog:
    """The log of what parties kept; :class:`DefenseError` where it is damaged, or not from a party to itself.

    Nobody but the harness speaks for the curious parties: what they keep is what attacks start from.
    """
    try:
        log = WireLog.from_bytes(data) if data else WireLog()
        for entry in log.entries:
            entry.message()
    except CodecError as error:
        raise DefenseError(one_line(f"what parties kept cannot be read: {error}")) from error
    senders = [entry.sender for entry in log.entries]
    alone = all(entry.sender == entry.receiver and entry.sender in parties for entry in log.entries)
    if not alone or SERVER in senders or len(set(senders)) < len(senders):
        raise DefenseError("what parties kept must be one message of each private party to itself")
    return log
