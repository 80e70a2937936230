"""Choices that live in the address: a link to a page is a link to exactly what it shows.

Streamlit binds most widgets to a query parameter of their key's name, in both directions, and leaves defaults out of
the address. :func:`choose` is for choices whose default depends on the board, so it writes the default as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from leaderboard.app.escape import prose

__all__ = ["address", "asked_for", "choose", "choose_many", "share", "switch"]


def asked_for(key: str, options: Sequence[str]) -> None:
    """Say so when a link names something that the board does not have; what was chosen before on another suite, and
    still stands in the address, is no link: it is forgotten without a word."""
    chosen_before = st.session_state.get(f"told_{key}", "")
    for value in st.query_params.get_all(key):
        if value and value not in options and value not in _listed(chosen_before):
            st.warning(f"The link asks for the {prose(key)} “{prose(value)}”, which this board does not have.")


def choose(
    label: str,
    options: Sequence[str],
    key: str,
    *,
    default: str | None = None,
    show: Callable[[Any], str] = str,
    help: str = "",
) -> str:
    """One of ``options`` by a drop-down list; ends the page with a sentence where there are none.

    The default stands in the address as well, so that a link keeps its meaning when the board grows. Within a
    session the choice follows the user from page to page.
    """
    if not options:
        st.info(f"There is no {label.lower()} on this board yet.")
        st.stop()
    asked_for(key, options)
    _follow(key, options, default if default is not None and default in options else options[0])
    chosen = str(st.selectbox(label, options, key=f"choice_{key}", format_func=show, help=help or None))
    st.session_state[f"told_{key}"] = chosen
    if st.query_params.get(key) != chosen:
        st.query_params[key] = chosen
    return chosen


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _follow(key: str, options: Sequence[str], first: str) -> None:
    """Set the widget's state from the address where that has changed from outside, else from what was chosen last.

    It is set in any case: on another page the same key is another widget to Streamlit and would start at its default.
    """
    widget, shown_last, said = f"choice_{key}", st.session_state.get(f"told_{key}"), st.query_params.get(key)
    wanted = (said if said != shown_last else None, st.session_state.get(widget), shown_last)
    st.session_state[widget] = next((value for value in wanted if value in options), first)


def choose_many(
    label: str,
    options: Sequence[str],
    key: str,
    help: str = "",
    *,
    limit: int | None = None,
    empty: str = "All",
    default: Sequence[str] = (),
) -> list[str]:
    """Any number of ``options``; ``empty`` says what it means that none is chosen."""
    asked_for(key, options)
    kept = st.session_state.get(key)
    if kept is not None and not set(kept) <= set(options):
        st.session_state[key] = [value for value in kept if value in options] or [*default]
    chosen = st.multiselect(
        label,
        options,
        default=None if key in st.session_state else [*default],
        key=key,
        help=help or None,
        bind="query-params",
        max_selections=limit,
        placeholder=empty,
    )
    st.session_state[f"told_{key}"] = chosen
    return chosen


def share(share: float) -> str:
    """A weight as a percentage."""
    return f"{100 * share:.0f} %"


def switch(page: str, **state: str | list[str]) -> None:
    """Go to another page with its state in the address."""
    st.switch_page(f"views/{page}.py", query_params={name: value for name, value in state.items() if value})


def address(page: str, **state: str) -> str:
    """Address of another page with its state, for links in HTML."""
    query = urlencode({name: value for name, value in state.items() if value})
    return f"{page}?{query}" if query else page
