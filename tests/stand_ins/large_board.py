"""A large board written directly into its tables: what pages, exports and benchmarks must cope with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from harness.score import pue
from harness.score.rules import UTILITY_FLOOR
from leaderboard.build import write_board
from leaderboard.ranks import interval_groups, pareto_tiers, places
from leaderboard.schema import SCHEMA_VERSION

__all__ = ["big_board"]

SUITE = "large@1"
FAMILIES = ("differential privacy", "compression", "text rewriting", "learned", "structure")


def big_board(
    path: Path, submissions: int = 1000, points: int = 5, entries: int = 8, attacks: int = 20, seeds: int = 3
) -> Path:
    """A board of ``submissions x points`` rows on each of ``entries`` entries, with cells of every attack and seed.

    Per-record scores are not part of a board. Values are drawn; ranks, groups and tiers follow from them.
    """
    board = _board(np.random.default_rng(0), submissions, points, entries)
    tables: dict[str, Any] = {"board": board, "overall": _overall(board, entries), "headline": _headline(board)}
    tables |= _measured(board, attacks, seeds)
    tables["submissions"] = [_card(f"defense_{i:04d}" if i else "none") for i in range(submissions)]
    tables["suites"] = [
        {
            "suite": SUITE,
            "name": "large",
            "suite_version": "1",
            "title": "Large",
            "summary": "Drawn.",
            "indicative": False,
            "known": False,
            "entries": "[]",
        }
    ]
    facts = {
        "schema_version": SCHEMA_VERSION,
        "records_hash": "0" * 64,
        "built": "2026-01-02T03:04:05+00:00",
        "leakboard": "0.1.0",
        "suites": SUITE,
        "runs": len(board) * seeds,
        "cells": len(board) * seeds * attacks,
        "sources": "",
    }
    tables["meta"] = [{"name": name, "value": str(value)} for name, value in facts.items()]
    return write_board(path, tables)


def _board(rng: np.random.Generator, submissions: int, points: int, entries: int) -> Any:
    import pandas as pd

    n = submissions * points * entries
    index = np.arange(n)
    which, point, entry = index // points % submissions, index % points, index // (points * submissions)
    strength = np.clip(rng.beta(2, 2, submissions)[which] * 0.7 + 0.06 * point, 0, 1)
    privacy, width = np.clip(strength + rng.normal(0, 0.05, n), 0, 1), rng.uniform(0.02, 0.15, n)
    utility = np.clip(1.02 - 0.8 * strength**2 + rng.normal(0, 0.08, n), -0.1, 1.1)
    names = np.where(which == 0, "none", np.char.mod("defense_%04d", which))
    frame = pd.DataFrame(
        {
            "suite": SUITE,
            "entry": np.char.mod("entry-%d", entry),
            "submission": names,
            "point": point,
            "suite_version": "1",
            "indicative": False,
            "scenario": np.char.mod("scenario_%d", entry // 2),
            "title": np.char.add("Defense ", names),
            "family": np.array(FAMILIES)[which % len(FAMILIES)],
            "label": np.char.mod("strength %d", point),
            "adversary": "server",
            "threat_model": "Honest but curious server.",
            "privacy": privacy,
            "privacy_low": np.clip(privacy - width, 0, 1),
            "privacy_high": np.clip(privacy + width, 0, 1),
            "utility": utility,
            "utility_low": utility - width,
            "utility_high": utility + width,
            "efficiency": rng.uniform(0.3, 1, n),
            "dcs": rng.uniform(0.5, 1, n),
            "c_dcs": rng.uniform(0.5, 1, n),
            "t_dcs": json.dumps({"text": 0.7}),
            "strongest": "ridge_inverter adaptive",
            "strongest_secret": "content_token_accuracy",
            "n_records": 240,
            "seeds": 5,
            "runs": 10,
            "isolation": "process",
            "verified": np.where(which % 3, "verified", "measured here"),
            "notes": "{}",
            "status": "ok",
            "reason": None,
            "bytes": 1e6,
            "flops": 1e9,
            "peak_memory": 4e8,
            "round_trips": 48.0,
            "wall_seconds": 2.0,
            "setup_seconds": 0.1,
        }
    )
    frame["flags"] = pd.Series([["small_n"] if i % 7 == 0 else [] for i in which], dtype=object)
    return _stand(frame)


def _stand(frame: Any) -> Any:
    """Add PUE, ranks, groups and tiers."""
    p, u, e = (frame[name].to_numpy() for name in ("privacy_low", "utility", "efficiency"))
    frame["pue"] = pue(p, u, e)
    frame["pue_low"] = pue(p, frame["utility_low"].to_numpy(), e)
    frame["pue_high"] = pue(frame["privacy_high"].to_numpy(), frame["utility_high"].to_numpy(), e)
    frame["ranked"] = u >= UTILITY_FLOOR
    for name in ("rank", "group", "tier"):
        frame[name] = np.nan
    for _, rows in frame.groupby("entry"):
        p, pl, ph = (rows[name].to_numpy() for name in ("privacy", "privacy_low", "privacy_high"))
        u, ul, uh = (rows[name].to_numpy() for name in ("utility", "utility_low", "utility_high"))
        frame.loc[rows.index, "tier"] = pareto_tiers((p, pl, ph), (u, ul, uh))
        live = rows[rows["ranked"]]
        frame.loc[live.index, "rank"] = places(live["pue"].to_numpy())
        parts = [live[name].to_numpy() for name in ("pue", "pue_low", "pue_high")]
        frame.loc[live.index, "group"] = interval_groups(*parts)
    frame["on_front"] = (frame["tier"] == 1) & frame["ranked"]
    return frame.assign(**{name: frame[name].astype("Int64") for name in ("rank", "group", "tier")})


def _overall(board: Any, entries: int) -> Any:
    keys = ["suite", "submission", "point"]
    totals = (
        board.groupby(keys, sort=False)
        .agg(
            title=("title", "first"),
            label=("label", "first"),
            pue=("pue", "min"),
            efficiency=("efficiency", "min"),
            ranked=("ranked", "all"),
            c_dcs=("c_dcs", "mean"),
            t_dcs=("t_dcs", "first"),
        )
        .reset_index()
    )
    weakest = board.loc[board.groupby(keys, sort=False)["pue"].idxmin(), "entry"].to_numpy()
    totals = totals.assign(weakest=weakest, covered=entries, entries=entries, declared=True, indicative=False)
    totals = totals.assign(status="ok", privacy_at_utility_90=0.3, gaussian_at_utility_90=0.4, hypervolume=0.5)
    live = totals["pue"].where(totals["ranked"])
    return totals.assign(rank=live.rank(ascending=False, method="min").astype("Int64"))


def _headline(board: Any) -> Any:
    headlines = board.groupby(["suite", "entry", "submission"], sort=False).agg(hypervolume=("privacy", "mean"))
    return headlines.reset_index().assign(privacy_at_utility_90=0.3, gaussian_at_utility_90=0.4, point_at_utility_90=0)


def _measured(board: Any, attacks: int, seeds: int) -> dict[str, Any]:
    """Runs, cells, results of attacks, and differences from the undefended system."""
    import duckdb

    with duckdb.connect() as db:
        db.register("board", board)
        numbers = {"attacks": attacks, "seeds": seeds}
        return {name: db.sql(sql.format(**numbers)).to_arrow_table() for name, sql in _SQL.items()}


_SQL = {
    "attacks": """
        SELECT suite, entry, submission, point, 'attack_' || a AS attack,
          CASE a % 2 WHEN 0 THEN 'oblivious' ELSE 'adaptive' END AS variant, 'server' AS coalition, 'text' AS secret,
          false AS aggregate, 'content_token_accuracy' AS metric, v AS value, v - .05 AS value_low,
          v + .05 AS value_high, 0.0 AS floor, v AS advantage, v - .1 AS advantage_low, v + .1 AS advantage_high,
          240 AS n, true AS counts, 'passed' AS control, 1.0 AS control_value, .9 AS control_at_least,
          NULL::DOUBLE AS control_at_most, 1.5 AS seconds,
          'ok' AS status, []::VARCHAR[] AS flags
        FROM (SELECT *, (1 - privacy) * (1 - .02 * a) AS v FROM board, range({attacks}) t(a))""",
    "runs": """
        SELECT md5(entry || submission || point || '/' || seed) AS key, suite, entry, submission, point, scenario, seed,
          'honest' AS behaviour, isolation, status, bytes, flops, peak_memory, round_trips, wall_seconds, setup_seconds,
          md5(submission) AS submission_hash, 'model' AS model, 'data' AS data,
          '2026-01-02T03:04:05+00:00' AS created, '{{}}' AS parameters, '{{"simulate_budget": 128}}' AS entitlement,
          '[]' AS ledger, '{{"python": "3.11", "threads": 1}}' AS environment
        FROM board, range({seeds}) t(seed)""",
    "cells": """
        SELECT md5(entry || submission || point || '/' || seed || '/' || a) AS key,
          md5(entry || submission || point || '/' || seed) AS run_key, suite, entry, submission, point, seed,
          'honest' AS behaviour, 'attack' AS role, 'attack_' || a AS name,
          CASE a % 2 WHEN 0 THEN 'oblivious' ELSE 'adaptive' END AS variant, 'server' AS coalition, 'text' AS secret,
          'ok' AS status, 'content_token_accuracy' AS metric, 1 - privacy AS value, 48 AS n, 1.5 AS seconds,
          '2026-01-02T03:04:06+00:00' AS created
        FROM board, range({seeds}) s(seed), range({attacks}) t(a)""",
    "pairs": """
        SELECT suite, entry, 'none' AS a_submission, 0 AS a_point, submission AS b_submission, point AS b_point,
          measure, -.1 AS difference, -.2 AS low, 0.0 AS high, .01 AS p, .04 AS p_holm, 240 AS n
        FROM board, (SELECT unnest(['privacy', 'utility', 'pue']) AS measure) WHERE submission <> 'none'""",
}


def _card(name: str) -> dict[str, Any]:
    return {
        "submission": name,
        "title": f"Defense {name}",
        "summary": "Drawn for a test.",
        "authors": ["tests"],
        "licence": "Apache-2.0",
        "source": "none",
        "bibtex": f"@misc{{{name}, title = {{Drawn}}}}",
        "cite_key": name,
        "family": FAMILIES[0],
        "scenarios": ["*"],
        "secret_state": False,
        "points": "[]",
        "claim": "null",
        "flags": [],
    }
