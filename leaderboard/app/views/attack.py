"""One attack: what it sees and does, its controls, and how far each submission falls to it."""

from __future__ import annotations

import streamlit as st

from leaderboard.app.content.attack import CONTROLS, FALLS, by_strength, controls, falls, labelled
from leaderboard.app.content.board import PAGE
from leaderboard.app.content.runs import parsed
from leaderboard.app.content.table import ready
from leaderboard.app.source import column, first, frame
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import choose
from leaderboard.app.widgets.html import facts, heading, note, paragraphs
from leaderboard.app.widgets.table import defense_link, height_of, pick, plain

cards = frame("attack_cards")
left, middle, right = st.columns(3)
with left:
    suite = filters.choose_suite()
with middle:
    entry = filters.choose_entry(suite, overall=True)
with right:
    here = {} if entry == filters.OVERALL else {"entry": entry}
    run_here = by_strength(frame("attacks", suite=suite, **here))
    others = sorted({*cards["attack"], *column("attacks", "attack")} - set(run_here))
    name = choose("Attack", [*run_here, *others], "attack", help="What leaks most without a defense comes first.")

card = first(cards[cards["attack"] == name])
heading(name, (card or {}).get("summary") or "This installation does not have this attack; its results are shown.")
if card:
    what, knows = st.columns(2, gap="large")
    with what:
        facts(
            {
                "Secret": card["secret"],
                "Reads": ", ".join(card["reads"]) or "no message",
                "Blind": "yes: it measures the floor" if card["blind"] is True else "no",
                "Source": card["source"],
            }
        )
    with knows, st.expander("How it works, and its parameters"):
        paragraphs(card["description"])
        facts(parsed(card["parameters"]) or {})

rows = frame("attacks", suite=suite, attack=name, **here)

st.subheader(
    "Controls",
    help="What the attack must reach, or not exceed, on the undefended system; where it does not, its cells are void.",
)
checked = controls(rows)
if checked.empty:
    note("This attack has no control here.")
else:
    plain(ready(checked, CONTROLS), alt="Controls")

st.subheader("Which submissions fall to it")
falling = falls(rows)
shown = labelled(falling.head(PAGE), suite, here.get("entry"))
if shown.empty:
    st.info("There are no results of this attack here.")
    st.stop()
pick(
    ready(shown, FALLS),
    lambda at: defense_link(shown, at),
    key=f"attack-{name}-{entry}",
    height=height_of(len(shown)),
    alt="Results",
)
note(f"{len(shown):,} of {len(falling):,} results, what leaks most first.")
