"""Help with a choice: scenario, adversary, least utility and budgets in, defenses that nothing beats out."""

from __future__ import annotations

import streamlit as st

from leaderboard.answers.choosing import COSTS, Wish, choose, seen_by
from leaderboard.answers.numbers import rows_of
from leaderboard.app.content.start import answers
from leaderboard.app.drawing.answers import left_out_list, option_cards
from leaderboard.app.source import frame, stamp
from leaderboard.app.widgets import filters
from leaderboard.app.widgets.choices import address
from leaderboard.app.widgets.choices import choose as choose_one
from leaderboard.app.widgets.html import heading, note

ANYONE = "whoever leaks most"
ANY = "any"
FACTORS = (ANY, "1.1", "1.5", "2", "5", "10")

grouped, _ = answers(stamp())
heading("Help me choose", "The tested defenses that fit what you need, and that no other tested one beats.")

first, second, third = st.columns(3)
with first:
    scenario = choose_one("Scenario", list(grouped), "scenario", show=lambda name: name.replace("_", " "))
items = {f"{item.entry} ({item.suite})": item for item in grouped[scenario]}
with second:
    place = items[choose_one("Setting", list(items), "setting", help="The suite's entry, the one with ranks first.")]
where = {"suite": place.suite, "entry": place.entry}
rows, attacks = rows_of(frame("board", **where)), rows_of(frame("attacks", **where))
adversaries = sorted({row["coalition"] or "server" for row in attacks if row["counts"] and not row["aggregate"]})
with third:
    adversary = choose_one("Adversary", [ANYONE, *adversaries], "adversary", show=lambda name: name.replace("_", " "))

left, *others = st.columns(4)
with left:
    least = filters.least_utility()
budgets = {}
for cell, (name, word) in zip(others, COSTS.items(), strict=True):
    with cell:
        most = choose_one(
            f"At most so many times the {word}", FACTORS, f"most_{name}", help="Of the undefended system."
        )
    if most != ANY:
        budgets[name] = float(most)

shown = rows if adversary == ANYONE else seen_by(rows, attacks, adversary)
choice = choose(shown, rows_of(frame("pairs", **where)) if adversary == ANYONE else (), Wish(least, budgets))
if place.condition:
    note(place.condition)
if choice.options:
    st.html(option_cards(choice, address))
else:
    st.info("Nothing that was measured here fits, not even the undefended system.")
if choice.left_out:
    with st.expander(f"{len(choice.left_out)} left out, and why"):
        st.html(left_out_list(choice, shown))
note(
    "Beaten is what another option is significantly better than (intervals apart) in privacy or utility, not "
    "significantly worse in the other and no dearer. Intervals hold for each row by itself; the choice among rows is "
    "not in them, so prefer what leads clearly."
)
