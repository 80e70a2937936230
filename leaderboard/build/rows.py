"""Rows of the board's tables from assessments: numbers unrounded, everything that is missing explained."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from harness.assessment import (
    UNDEFENDED,
    UNRANKED,
    Assessment,
    AttackResult,
    Flag,
    RunRow,
    TaskMean,
    claim_state,
    sentences,
)
from harness.integrity import RowFacts, plain_suite, state_of
from harness.score import Estimate
from leaderboard.build.cards import family
from leaderboard.build.claims import out_of_reach, refuted_empirically
from leaderboard.ranks import dcs_columns
from leaderboard.ranks.joint_bootstrap import strongest
from leaderboard.records import Manifests

__all__ = ["Context", "attack_rows", "board_row", "task_rows"]


@dataclass(frozen=True)
class Context:
    """Facts that rows need and assessments lack."""

    manifests: Manifests
    threat_models: Mapping[str, str]
    bounds: Mapping[tuple[Any, ...], Sequence[Mapping[str, Any]]]
    """(suite, entry, submission, point) -> rows of ``bounds``."""
    facts: Mapping[tuple[Any, ...], RowFacts] = field(default_factory=dict)
    """The same -> what speaks for and against its records."""


def board_row(row: Assessment, context: Context) -> dict[str, Any]:
    """A row of ``board`` but for ranks, groups and tiers."""
    manifest = context.manifests.get(row.submission, {})
    ok = [run for run in row.runs if run.status == "ok"]
    verdicts = [run.verdict for run in ok if run.verdict]
    claim = claim_state(verdicts)
    bounds = context.bounds.get(tuple(_keys(row).values()), ())
    disproved = refuted_empirically(verdicts, bounds)
    stale = bool(manifest.get("hash")) and any(run.submission_hash != manifest["hash"] for run in row.runs)
    flags = [*row.flags, *claim.flags, *disproved, *([Flag("stale")] if stale else [])]
    scenario = row.runs[0].scenario
    numbers = _scores(row)
    facts = _row_facts(row, flags, context, stale, here=bool(manifest.get("hash")))
    ranked, why = _ranked(row, numbers, flags, facts)
    return {
        **_keys(row),
        "suite_version": plain_suite(row.suite).partition("@")[2],
        "indicative": row.indicative,
        "scenario": scenario,
        "title": manifest.get("title", row.submission),
        "family": family(row.submission, manifest),
        "label": _label(row, manifest),
        "threat_model": context.threat_models.get(scenario),
        **numbers,
        **_strongest(row),
        **dcs_columns(row),
        "on_front": False,
        "ranked": ranked,
        "verified": state_of(facts),
        "flags": list(dict.fromkeys(flag.id for flag in flags)),
        "notes": json.dumps(sentences(flags)),
        "status": row.status,
        "reason": row.reason or why,
        **_costs(ok),
        "claim_epsilon": claim.claimed,
        "measured_epsilon": claim.measured,
        "claim_about": claim.about or None,
        "claim_limit": out_of_reach(verdicts, bounds),
        **_counts(row),
    }


def attack_rows(row: Assessment) -> Iterator[dict[str, Any]]:
    """Rows of ``attacks``."""
    seconds = row.row.seconds
    for result in row.attacks:
        control = next((c for c in row.controls if c.about == result.series.about), None)
        yield {
            **_keys(row),
            **_result(result),
            "control": "none" if control is None else "passed" if control.passed else "failed",
            "control_value": control.value if control and isfinite(control.value) else None,
            "control_at_least": control.at_least if control else None,
            "control_at_most": control.at_most if control else None,
            "seconds": seconds.get((result.series.name, result.series.variant)),
        }


def task_rows(assessments: Sequence[Assessment]) -> list[dict[str, Any]]:
    """Rows of ``tasks``: what each row reaches, and once what it is held against."""
    defended = [(_keys(row), mean) for row in assessments if row.submission != "none" for mean in row.means]
    shared = [({**_keys(row), **UNDEFENDED._asdict()}, mean) for row in assessments[:1] for mean in row.references]
    return [_task(keys, mean) for keys, mean in (*shared, *defended)]


def _task(keys: Mapping[str, Any], mean: TaskMean) -> dict[str, Any]:
    labels = {"system": mean.system or "defended", "task": mean.task, "n": mean.n}
    return {**keys, **labels, "value": mean.value, "value_low": mean.low, "value_high": mean.high}


def _keys(row: Assessment) -> dict[str, Any]:
    return {"suite": row.suite, "entry": row.entry, "submission": row.submission, "point": row.point}


def _label(row: Assessment, manifest: Mapping[str, Any]) -> str:
    points = manifest.get("points") or []
    named = points[row.point]["label"] if row.point < len(points) else ""
    return str(named) or row.row.label or str(row.point)


def _scores(row: Assessment) -> dict[str, float | None]:
    leak = row.aggregate if row.aggregate and row.aggregate.void is None else None
    return {
        **_ends("privacy", row.privacy),
        "aggregate_leakage": leak.estimate if leak else None,
        "aggregate_leakage_low": leak.low if leak else None,
        "aggregate_leakage_high": leak.high if leak else None,
        **_ends("utility", row.utility),
        "efficiency": row.efficiency,
        "pue": row.pue(),
        "pue_low": row.pue("low"),
        "pue_high": row.pue("high"),
    }


def _ends(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None or estimate.void is not None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _strongest(row: Assessment) -> dict[str, str | None]:
    best = strongest(row)
    coalitions = dict.fromkeys(a.series.coalition or "server" for a in row.attacks)
    adversary = best.series.coalition or "server" if best else ", ".join(coalitions) or None
    title = row.leakage.strongest if row.leakage and row.leakage.strongest else (None, None)
    return {"adversary": adversary, "strongest": title[0], "strongest_secret": title[1]}


def _counts(row: Assessment) -> dict[str, Any]:
    sizes = [attack.n for attack in row.attacks if attack.counts and not attack.aggregate]
    return {
        "n_records": max(sizes, default=0),
        "seeds": row.seeds,
        "runs": row.row.n_runs,
        "isolation": ", ".join(sorted({run.isolation for run in row.runs})),
    }


def _ranked(
    row: Assessment, numbers: Mapping[str, float | None], flags: Sequence[Flag], facts: RowFacts
) -> tuple[bool, str | None]:
    """True where the row takes part in ranks; else the reason stands beside."""
    out = [str(flag) for flag in flags if flag.id in UNRANKED]
    if row.status == "ok" and numbers["pue"] is None:
        out.append((row.utility.void if row.utility else None) or "no utility or efficiency could be measured")
    if row.seeds < 2 and not row.indicative:
        out.append("one seed: the interval is conditional on it")
    if facts.logged is False:
        out.append("it names a seal whose log does not have its records")
    if facts.contradicted:
        out.append("computing it again gave something else")
    return row.status == "ok" and not out, "; ".join(out) or None


def _row_facts(row: Assessment, flags: Sequence[Flag], context: Context, stale: bool, *, here: bool) -> RowFacts:
    """All that the row's state is derived from; ``here``: the source is installed."""
    raised = {flag.id for flag in flags}
    return replace(
        context.facts.get(tuple(_keys(row).values()), RowFacts()),
        failed_control=bool({"claim_refuted", "bypass"} & raised),
        other_source=stale,
        source_here=here,
        isolated="isolation_none" not in raised,
    )


def _costs(runs: Sequence[RunRow]) -> dict[str, float | None]:
    fields = {
        "bytes": ("bytes_up", "bytes_down"),
        "flops": ("private_flops",),
        "peak_memory": ("private_peak_bytes",),
        "round_trips": ("round_trips",),
        "wall_seconds": ("wall_seconds",),
        "setup_seconds": ("setup_seconds",),
    }
    return {
        name: sum(float(getattr(run.costs, part)) for run in runs for part in parts) / len(runs) if runs else None
        for name, parts in fields.items()
    }


def _result(result: AttackResult) -> dict[str, Any]:
    advantage, series = result.advantage, result.series
    return {
        "attack": series.name,
        "variant": series.variant,
        "coalition": series.coalition or "server",
        "secret": series.secret,
        "aggregate": result.aggregate,
        "metric": result.metric or None,
        "value": advantage.score if advantage else None,
        "value_low": advantage.score_low if advantage else None,
        "value_high": advantage.score_high if advantage else None,
        "floor": advantage.floor if advantage else None,
        "advantage": advantage.value if advantage else None,
        "advantage_low": advantage.low if advantage else None,
        "advantage_high": advantage.high if advantage else None,
        "n": result.n,
        "counts": result.counts,
        "status": result.status,
        "reason": result.reason,
        "flags": list(dict.fromkeys(flag.id for flag in result.flags)),
    }
