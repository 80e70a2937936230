"""One scenario: its protocol drawn, what the adversary sees, controls, and which submissions fall."""

from __future__ import annotations

import streamlit as st

from leaderboard.app.content.attack import CONTROLS, controls, leaks_on_noise
from leaderboard.app.content.board import PAGE
from leaderboard.app.content.runs import parsed
from leaderboard.app.content.scenario import drawings, entries_of, entry_table
from leaderboard.app.content.table import ready
from leaderboard.app.escape import prose
from leaderboard.app.source import column, first, frame
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import choose
from leaderboard.app.widgets.html import definitions, facts, heading, note
from leaderboard.app.widgets.table import defense_link, height_of, pick, plain

FALLS = (
    "entry",
    "submission",
    "label",
    "privacy",
    "privacy_ends",
    "strongest",
    "strongest_secret",
    "utility",
    "flags",
    "status",
)

WORTH = ("entry", "task", "system", "value", "value_low", "value_high", "n")

cards = frame("scenarios")
left, middle, right = st.columns(3)
with left:
    suite = filters.choose_suite()
with middle:
    run_here = sorted(set(column("board", "scenario", suite=suite)))
    name = choose("Scenario", [*run_here, *sorted(set(cards["scenario"]) - set(run_here))], "scenario")
card = first(cards[cards["scenario"] == name])
entries = entries_of(suite, name)
with right:
    seen = parsed((card or {}).get("coalitions")) or {}
    coalition = choose("Coalition", list(seen), "coalition") if seen else ""

heading(name, (card or {}).get("summary") or "This installation does not have this scenario; its results are shown.")
if card:
    runs = frame("runs", suite=suite, submissions="none")
    for variant, svg in drawings(card, coalition, entries, runs[runs["scenario"] == name]).items():
        if variant:
            st.subheader(variant)
        st.image(svg, alt=f"Protocol of {name} {variant}")
    note("Orange: what the chosen coalition sends or receives. Every message of a private party passes its defense.")
    sees, wants = st.columns(2, gap="large")
    with sees:
        st.subheader("What the adversary sees")
        facts({"Threat model": card["threat_model"], **seen})
    with wants:
        st.subheader("What it wants")
        facts(parsed(card["secrets"]) or {})
        note(f"Source: {card['source']}")
    definitions("Settings of an entry", parsed(card["settings"]) or {})

st.subheader("Entries", help="The scenario with fixed settings, as the suite runs it.")
plain(entry_table(entries), alt="Entries")
for item in entries:
    if item.get("settings"):
        definitions(f"Settings of {prose(item['name'])}", item["settings"])

st.subheader(
    "Controls",
    help="What attacks must reach, or not exceed, on the undefended system; where one does not, its cells are void.",
)
names = [entry["name"] for entry in entries]
checked = controls(frame("attacks", suite=suite, submissions="none"))
checked = checked[checked["entry"].isin(names)]
if checked.empty:
    note("No attack has a control here.")
else:
    plain(ready(checked, CONTROLS), alt="Controls")
for sentence in leaks_on_noise(frame("board", suite=suite, scenario=name)):
    st.warning(prose(sentence))

st.subheader(
    "What sharing is worth",
    help="Raw task scores of the undefended system, beside no sharing (local only) and all data in one place.",
)
worth = frame("tasks", suite=suite, submissions="none")
worth = worth[worth["entry"].isin(names)]
if worth.empty:
    note("No utility task has a result here.")
else:
    plain(ready(worth, WORTH), alt="Utility references")

st.subheader("Which submissions fall to it")
rows = frame("board", suite=suite, scenario=name).sort_values(
    ["privacy_low", "submission", "point"], na_position="last"
)
shown = rows.head(PAGE)
if shown.empty:
    st.info("This suite has no results on this scenario.")
    st.stop()
pick(
    ready(shown, FALLS),
    lambda at: defense_link(shown, at),
    key=f"scenario-{name}",
    height=height_of(len(shown)),
    alt="Privacy",
)
note(f"{len(shown):,} of {len(rows):,} rows, the least private first.")
