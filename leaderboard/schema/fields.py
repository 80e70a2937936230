"""Columns that several tables of the board share."""

from __future__ import annotations

from collections.abc import Mapping

from leaderboard.schema.columns import Column, number, whole, words

__all__ = ["COSTS", "INTERVALS", "KEYS", "STATUS", "WHO", "with_interval"]

KEYS = (
    words("suite", "Suite", "Suite as name@version; numbers compare within one suite only."),
    words("entry", "Entry", "Entry of the suite: a scenario with fixed settings."),
    words("submission", "Submission", "Name of the submission."),
    whole("point", "Point", "Index of the operating point."),
)
"""Columns that say which row it is."""

WHO = (words("title", "Title", "One line about the submission."),)

STATUS = (
    words("status", "Status", "ok, error, void (a control failed or nothing could be measured) or not_applicable."),
    words("reason", "Reason", "Why the status is not ok, or why the row is not ranked."),
)
"""Columns that say why numbers are missing."""

COSTS = (
    number("bytes", "Bytes", "Encoded bytes on the wire, both directions, mean over seeds.", "B"),
    number("flops", "Private FLOPs", "Floating-point operations of the private parties.", "FLOP"),
    number("peak_memory", "Peak memory", "Peak resident memory of the private parties.", "B"),
    number("round_trips", "Round trips", "Times a private party waited for an answer."),
    number("wall_seconds", "Wall time", "Wall time of the protocol; shown, never ranked.", "s"),
    number("setup_seconds", "Setup time", "Wall time of the defense's prepare and setup.", "s"),
)
"""Columns of the defense's costs."""

_MEASURES = {
    "privacy": (
        "Privacy",
        "1 - leakage of the strongest attack on record-level secrets, cross-fitted over records "
        "and "
        "seeds; 1: no better than a blind guess.",
    ),
    "aggregate_leakage": (
        "Aggregate leakage",
        "Advantage of the strongest attack on secrets about all records of a party; not part of privacy.",
    ),
    "utility": (
        "Utility",
        "(u - u_ref) / (u_undefended - u_ref), u_ref the better of a blind guess and local-only "
        "work; 1: as if undefended.",
    ),
    "pue": ("PUE", "Privacy, utility and efficiency in one number."),
}

_ENDS = {
    "privacy": "simultaneous over all attacks",
    "aggregate_leakage": "simultaneous over all attacks",
    "utility": "paired by record",
    "pue": "from the ends of privacy and utility",
    "value": "Clopper-Pearson where outcomes are all or nothing",
    "advantage": "simultaneous over all attacks",
}

INTERVALS: Mapping[str, tuple[Column, Column]] = {
    name: (
        number(f"{name}_low", f"{title} low", f"Lower end of the 95 % interval, {how}."),
        number(f"{name}_high", f"{title} high", f"Upper end of the 95 % interval, {how}."),
    )
    for name, how in _ENDS.items()
    for title in (_MEASURES.get(name, (name.capitalize(),))[0],)
}
"""Measure -> the columns of its interval."""


def with_interval(name: str) -> tuple[Column, Column, Column]:
    """A measure with the two ends of its interval."""
    return (number(name, *_MEASURES[name]), *INTERVALS[name])
