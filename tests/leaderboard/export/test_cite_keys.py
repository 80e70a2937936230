"""Keys end no command and no entry."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leaderboard.export.cite_keys import safe_key


@given(st.text())
def test_keys_end_no_command(text: str) -> None:
    assert not set(safe_key(text)) & set("{},\\%#~ \n")
