"""Scores over a suite's fixed set of entries, and what a submission's operating points reach together."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.assessment import UNDEFENDED, UNRANKED
from leaderboard.ranks.dcs import dcs_by_kind, mean_over_kinds
from leaderboard.ranks.ranking import SAME

__all__ = ["GAUSSIAN", "USEFUL", "headline_rows", "hypervolume", "interpolated", "overall_rows"]

USEFUL = 0.9
"""Utility at which privacy is compared."""
LEVEL = 0.05
"""Shared by the operating points of a submission, at whose far ends privacy and utility are compared."""
GAUSSIAN = "gaussian_noise"
"""The submission whose curve is the reference."""

Row = Mapping[str, Any]
Scores = Mapping[tuple[str, str, str, int], Sequence[tuple[str, float]]]
"""(suite, entry, submission, point) -> (kind of secret, DCS) of each attack."""


def headline_rows(board: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows of ``headline`` from rows of the board."""
    headlines = []
    for (suite, entry), rows in _grouped(board, "suite", "entry").items():
        curve = _far_ends([row for row in rows if row["submission"] == GAUSSIAN])
        bare = _far_ends([row for row in rows if row["submission"] == "none"])
        reference = interpolated([*curve.values(), *bare.values()], USEFUL) if curve else None
        for (name,), points in _grouped(rows, "submission").items():
            useful = {p: privacy for p, (utility, privacy) in _far_ends(points).items() if utility >= USEFUL}
            best = max(useful, key=lambda p: useful[p], default=None)
            measured = bool(_points(points))
            headlines.append(
                {
                    "suite": suite,
                    "entry": entry,
                    "submission": name,
                    "privacy_at_utility_90": (0.0 if best is None else useful[best]) if measured else None,
                    "point_at_utility_90": best,
                    "gaussian_at_utility_90": reference,
                    "hypervolume": hypervolume(_points(r for r in points if _valid(r))) if measured else None,
                }
            )
    return headlines


def _points(rows: Iterable[Row]) -> list[tuple[float, float]]:
    """(utility, privacy) of rows that have both."""
    return [(r["utility"], r["privacy"]) for r in rows if r["utility"] is not None and r["privacy"] is not None]


def _valid(row: Row) -> bool:
    return not (UNRANKED - {"below_floor"}) & set(row["flags"])


def _far_ends(rows: Sequence[Row]) -> dict[int, tuple[float, float]]:
    """Operating point -> lower ends of utility and privacy, at a level that all points of a submission share.

    The best of several points is a choice: with one interval each, six points that are one defense would be six draws.
    So each has its share of the level (Bonferroni), its intervals widened as a normal distribution's are.
    """
    from scipy.special import ndtri

    known = [row for row in rows if _points([row]) and row["utility_low"] is not None]
    wider = float(ndtri(1 - LEVEL / (2 * max(1, len(known)))) / ndtri(1 - LEVEL / 2))
    return {
        row["point"]: (_end(row, "utility", wider), max(0.0, _end(row, "privacy", wider)))
        for row in known
        if _valid(row)
    }


def _end(row: Row, name: str, wider: float) -> float:
    return float(row[name] - wider * (row[name] - row[f"{name}_low"]))


def interpolated(points: Sequence[tuple[float, float]], utility: float) -> float:
    """Largest privacy at ``utility`` on the curve through (utility, privacy) points, joined by straight lines.

    Every point may be mixed with its neighbour in utility; a point with at least ``utility`` counts as it is. 0 where
    the curve does not reach so far.
    """
    ordered = sorted(points)
    reached = [privacy for u, privacy in ordered if u >= utility]
    for (u0, p0), (u1, p1) in itertools.pairwise(ordered):
        if u0 < utility <= u1:
            reached.append(p0 + (p1 - p0) * (utility - u0) / (u1 - u0))
    return max(reached, default=0.0)


def hypervolume(points: Sequence[tuple[float, float]]) -> float:
    """Area that the points dominate above (0, 0), each coordinate clipped to [0, 1] (Zitzler and Thiele 1999)."""
    area, top = 0.0, 0.0
    for utility, privacy in sorted(points, reverse=True):
        u, p = (min(max(x, 0.0), 1.0) for x in (utility, privacy))
        area += u * max(0.0, p - top)
        top = max(top, p)
    return area


def overall_rows(
    board: Sequence[Row],
    headline: Sequence[Row],
    entries: Mapping[str, Sequence[tuple[str, str]]],
    declared: Mapping[str, Sequence[str]],
    scores: Scores,
) -> list[dict[str, Any]]:
    """Rows of ``overall``.

    ``entries``: suite -> (entry, scenario) of its fixed set; ``declared``: submission -> the scenarios it is made for
    (``*`` for all). A submission that nobody declared is taken to be made for the scenarios it has results for.
    """
    rows = {(r["suite"], r["entry"], r["submission"], r["point"]): r for r in board}
    heads = {(h["suite"], h["entry"], h["submission"]): h for h in headline}
    combined = []
    for (suite, name, point), points in _grouped(board, "suite", "submission", "point").items():
        fixed = entries.get(suite) or sorted({(r["entry"], r["scenario"]) for r in board if r["suite"] == suite})
        made_for = declared.get(name) or [r["scenario"] for r in points]
        parts = [_part(rows, suite, e, s, name, point, made_for) for e, s in fixed]
        counting = [pair for pair, (_, row) in zip(fixed, parts, strict=True) if row is None or not _beside(row)]
        attacks = [pair for e, _ in fixed for pair in scores.get((suite, e, name, point), ())]
        combined.append(
            {
                "suite": suite,
                "submission": name,
                "point": point,
                "title": points[0]["title"],
                "label": points[0]["label"],
                "indicative": points[0]["indicative"],
                "covered": len(points),
                "entries": len(fixed),
                "declared": all(s in made_for or "*" in made_for for _, s in fixed),
                **_combined(parts),
                **_heads(heads, suite, name, made_for, counting),
                **_dcs(attacks),
            }
        )
    return _placed(combined)


def _part(
    rows: Mapping[Any, Row], suite: str, entry: str, scenario: str, name: str, point: int, made_for: Sequence[str]
) -> tuple[str, Row | None]:
    """The row that counts in an entry: the own one, or that of ``none`` where the scenario is not declared."""
    own = rows.get((suite, entry, name, point))
    if own is not None or scenario in made_for or "*" in made_for:
        return entry, own
    return entry, rows.get((suite, entry, *UNDEFENDED))


def _combined(parts: Sequence[tuple[str, Row | None]]) -> dict[str, Any]:
    live = [(e, row) for e, row in parts if row is None or not _beside(row)]
    missing = [e for e, row in live if row is None]
    bad = [(e, row) for e, row in live if row is not None and row["pue"] is None]
    outside = [
        f"{e}: {row['reason']}" for e, row in live if row is not None and row["pue"] is not None and not row["ranked"]
    ]
    if missing or bad or not live:
        problems = [
            *(f"{e}: no result" for e in missing),
            *(f"{e}: {row['reason'] or row['status']}" for e, row in bad),
        ]
        reason = "; ".join(problems) or "no entry applies"
        return {"pue": None, "ranked": False, "status": bad[0][1]["status"] if bad else "void", "reason": reason}
    weakest = min(((row["pue"], e) for e, row in live if row is not None))
    thrift = [row["efficiency"] for _, row in live if row is not None and row["efficiency"] is not None]
    return {
        "pue": weakest[0],
        "weakest": weakest[1],
        "efficiency": min(thrift, default=None),
        "ranked": not outside,
        "status": "ok",
        "reason": "; ".join(outside) or None,
    }


def _beside(row: Row) -> bool:
    """Say whether an entry has no part in the overall score: it does not apply, or scores no record-level secret."""
    aggregate = row["privacy"] is None and row["aggregate_leakage"] is not None
    return row["status"] == "not_applicable" or (row["status"] == "ok" and aggregate)


def _heads(
    heads: Mapping[Any, Row], suite: str, name: str, made_for: Sequence[str], fixed: Sequence[tuple[str, str]]
) -> dict[str, float | None]:
    own = []
    for entry, scenario in fixed:
        who = name if scenario in made_for or "*" in made_for else "none"
        own.append(heads.get((suite, entry, who), {}))
    return {
        "privacy_at_utility_90": _over(own, "privacy_at_utility_90", min),
        "gaussian_at_utility_90": _over(own, "gaussian_at_utility_90", min),
        "hypervolume": _over(own, "hypervolume", lambda values: sum(values) / len(values)),
    }


def _over(rows: Sequence[Row], column: str, join: Any) -> float | None:
    """The values of a column joined, or None where one is missing."""
    values = [row.get(column) for row in rows]
    return None if not values or any(value is None for value in values) else float(join(values))


def _dcs(attacks: Sequence[tuple[str, float]]) -> dict[str, Any]:
    kinds = dcs_by_kind(attacks)
    return {"t_dcs": json.dumps(kinds) if kinds else None, "c_dcs": mean_over_kinds(kinds)}


def _placed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with their rank by PUE within each suite; the undefended system, the reference, has none."""
    placed = [r for r in rows if r["ranked"] and r["submission"] != UNDEFENDED.submission]
    for (_,), ranked in _grouped(placed, "suite").items():
        for row in ranked:
            row["rank"] = 1 + sum(other["pue"] > row["pue"] + SAME for other in ranked)
    return rows


def _grouped(rows: Sequence[Any], *names: str) -> dict[tuple[Any, ...], list[Any]]:
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups
