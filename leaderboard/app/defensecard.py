"""The upper half of the defense page: who wrote it, what it claims, and what was measured of that."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from leaderboard.app.defenseview import claim_facts, claim_rows
from leaderboard.app.parts import chips, facts, note
from leaderboard.app.tables import columns_of, ready
from leaderboard.queries import FLAGS
from leaderboard.strata import STRATA

__all__ = ["by_class_size", "manifest", "measured_claims", "never_ranked", "proved_bounds", "state_chips"]

_TONES = {"verified": "good", "refuted": "bad", "claimed": "warn"}
_BAD = frozenset({"bypass", "claim_refuted", "control_failed", "negative_control_failed"})


def state_chips(rows: pd.DataFrame, card: dict[str, Any]) -> None:
    """State, family and flags of a submission as labels with tooltips."""
    labels = [
        (state, _TONES.get(state, ""), "State of its rows") for state in sorted(rows["verified"].dropna().unique())
    ]
    labels += [(family, "", "Family") for family in sorted(rows["family"].dropna().unique())]
    found = sorted({flag for flags in rows["flags"] for flag in flags} | set(_listed(card["flags"])))
    labels += [(*_flag(flag),) for flag in found]
    chips(labels)


def _flag(flag: str) -> tuple[str, str, str]:
    title, meaning = FLAGS.get(flag, (flag, ""))
    return title, "bad" if flag in _BAD else "warn", meaning


def manifest(card: dict[str, Any]) -> None:
    """The submission's manifest as a list of facts, and its reference for a bibliography."""
    facts(
        {
            "Authors": ", ".join(_listed(card["authors"])),
            "Source": card["source"],
            "Licence": card["licence"],
            "Scenarios": ", ".join("all" if name == "*" else name for name in _listed(card["scenarios"])),
            "Secret deployment state": {True: "yes", False: "no"}.get(card["secret_state"]),
            "Source hash": _short(card["hash"]),
            "Measured with": _short(card["runs_hash"]),
        }
    )
    if card["bibtex"]:
        with st.expander("BibTeX"):
            st.code(card["bibtex"], language=None)


def measured_claims(card: dict[str, Any], rows: pd.DataFrame) -> None:
    """What the manifest claims, and what the harness recomputed from the mechanisms it executed."""
    claim = claim_facts(card["claim"])
    if claim:
        facts({f"Claimed {name}": value for name, value in claim.items()})
    else:
        note("The manifest claims no differential-privacy guarantee.")
    found = claim_rows(rows)
    if len(found):
        shown = ready(found, found.columns)
        st.dataframe(
            shown, hide_index=True, column_config=columns_of(shown), placeholder="n/a", alt="Claims and measurements"
        )
    elif claim:
        note("No row of this suite has an epsilon to compare with the claim.")


def proved_bounds(bounds: pd.DataFrame, point: str) -> None:
    """Lower bounds on epsilon at one operating point, the largest first, each beside its ceiling."""
    mine = bounds[bounds["point"].astype(str) == point].sort_values("epsilon", ascending=False)
    if mine.empty:
        return
    names = ["attack", "variant", "coalition", "seed", "method", "epsilon", "ceiling", "delta", "alpha"]
    shown = ready(mine, names)
    note("What attacks prove, all together with 95 % confidence: epsilon is no smaller. No bound exceeds its ceiling.")
    st.dataframe(shown, hide_index=True, column_config=columns_of(shown), placeholder="n/a", alt="Lower bounds")


def by_class_size(strata: pd.DataFrame, point: str) -> None:
    """What attacks reach where one record is behind a release, where a few are, where many are."""
    mine = strata[strata["point"].astype(str) == point]
    if mine.empty:
        return
    st.subheader("By records behind a release", help="A mean of one record is that record.")
    order = {name: place for place, name in enumerate(STRATA)}
    mine = mine.sort_values("stratum", key=lambda names: names.map(order), kind="stable")
    names = ["stratum", "attack", "variant", "coalition", "metric", "value", "value_interval", "floor", "n"]
    shown = ready(mine, names)
    st.dataframe(shown, hide_index=True, column_config=columns_of(shown), placeholder="n/a", alt="By class size")


def never_ranked(diagnostics: pd.DataFrame, point: str) -> None:
    """Tests that papers report and that show nothing when they are passed, and attackers who know what nobody does."""
    mine = diagnostics[diagnostics["point"].astype(str) == point]
    if mine.empty:
        return
    st.subheader(
        "Diagnostics",
        help=(
            "Never ranked: a release that passes can still give its members away, and an informed attack (no p) "
            "supposes every other record known."
        ),
    )
    shown = ready(mine, ["attack", "coalition", "seed", "auc", "p", "n"])
    st.dataframe(shown, hide_index=True, column_config=columns_of(shown), placeholder="n/a", alt="Diagnostics")


def _short(digest: str | None) -> str:
    return digest[:16] if digest else "n/a"


def _listed(values: Any) -> list[str]:
    return [] if values is None else list(values)
