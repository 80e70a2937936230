"""The upper half of the defense page: who wrote it, what it claims, and what was measured of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from leaderboard.answers.numbers import rows_of
from leaderboard.app.content.defense import claim_facts, claim_rows
from leaderboard.app.content.table import ready
from leaderboard.app.drawing.grids import exposure_grid, overlap_grid
from leaderboard.app.widgets.html import chips, facts, note
from leaderboard.app.widgets.table import columns_of
from leaderboard.build.strata import STRATA
from leaderboard.queries import FLAGS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["by_class_size", "manifest", "measured_claims", "never_ranked", "proved_bounds", "state_chips", "who_falls"]

_TONES = {"verified": "good", "sealed": "good", "refuted": "bad", "claimed": "warn", "stale": "warn"}
_BAD = frozenset({"bypass", "claim_refuted", "control_failed", "negative_control_failed"})


def state_chips(rows: pd.DataFrame, card: dict[str, Any], entry: str) -> None:
    """State, family and flags of a submission's ``rows`` on one entry as labels with tooltips."""
    labels = [
        (state, _TONES.get(state, ""), f"State of its rows on {entry}")
        for state in sorted(rows["verified"].dropna().unique())
    ]
    labels += [(family, "", "Family") for family in sorted(rows["family"].dropna().unique())]
    known_flags = sorted({flag for flags in rows["flags"] for flag in flags} | set(_listed(card["flags"])))
    labels += [(*_flag(flag),) for flag in known_flags]
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
    """Claims of the manifest, and what the harness recomputed from the mechanisms it executed."""
    claim = claim_facts(card)
    claims = claim_rows(rows)
    if claim:
        facts(claim)
    elif claims.empty:
        note("The manifest claims no differential-privacy guarantee.")
    if len(claims):
        shown = ready(claims, claims.columns)
        st.dataframe(
            shown, hide_index=True, column_config=columns_of(shown), placeholder="n/a", alt="Claims and measurements"
        )
    elif claim:
        note("No row of this suite has an epsilon to compare with the claim.")


def proved_bounds(bounds: pd.DataFrame, point: str) -> None:
    """Lower bounds on epsilon at one operating point, the largest first, each beside its ceiling."""
    proved = bounds[bounds["point"].astype(str) == point].sort_values("epsilon", ascending=False)
    if proved.empty:
        return
    names = ["attack", "variant", "coalition", "seed", "method", "epsilon", "ceiling", "delta", "alpha"]
    shown = ready(proved, names)
    note(
        "What attacks prove, all together with 95 % confidence: epsilon is no smaller. The ceiling is what a "
        "perfect attack would have proven."
    )
    st.dataframe(shown, hide_index=True, column_config=columns_of(shown), placeholder="n/a", alt="Lower bounds")


def by_class_size(strata: pd.DataFrame, point: str) -> None:
    """Results of attacks by the number of records behind a release: one, a few, many."""
    selected = strata[strata["point"].astype(str) == point]
    if selected.empty:
        return
    st.subheader("By records behind a release", help="A mean of one record is that record.")
    order = {name: place for place, name in enumerate(STRATA)}
    selected = selected.sort_values("stratum", key=lambda names: names.map(order), kind="stable")
    names = ["stratum", "attack", "variant", "coalition", "metric", "value", "value_ends", "floor", "n"]
    shown = ready(selected, names)
    st.dataframe(shown, hide_index=True, column_config=columns_of(shown), placeholder="n/a", alt="By class size")


def who_falls(exposed: pd.DataFrame, overlap: pd.DataFrame, point: str) -> None:
    """The records that fall to most attacks, and how far the attacks agree on whom they find."""
    records = rows_of(exposed[exposed["point"].astype(str) == point])
    pairs = rows_of(overlap[overlap["point"].astype(str) == point])
    if not pairs:
        return
    st.subheader("Which records fall to which attack", help="On the metric on which the row leaks most.")
    note(
        f"On {pairs[0]['metric'].replace('_', ' ')}: a record falls where it counts for half of what the metric asks "
        "or more. Each cell holds the records that fall to both attacks, the diagonal those that fall to one, of those "
        "that were tried; the last column those that a blind guess finds."
    )
    st.html(overlap_grid(pairs))
    if records:
        note("The most exposed records, by the number of attacks that they fall to.")
        st.html(exposure_grid(records))


def never_ranked(diagnostics: pd.DataFrame, point: str) -> None:
    """Tests that papers report and that show nothing when they are passed, and attacks that know all other records."""
    selected = diagnostics[diagnostics["point"].astype(str) == point]
    if selected.empty:
        return
    st.subheader(
        "Diagnostics",
        help=(
            "Never ranked: a release that passes can still give its members away, and an informed attack (no p) "
            "supposes every other record known."
        ),
    )
    shown = ready(selected, ["attack", "coalition", "seed", "auc", "p", "n"])
    st.dataframe(shown, hide_index=True, column_config=columns_of(shown), placeholder="n/a", alt="Diagnostics")


def _short(digest: str | None) -> str:
    return digest[:16] if digest else "n/a"


def _listed(values: Any) -> list[str]:
    return [] if values is None else list(values)
