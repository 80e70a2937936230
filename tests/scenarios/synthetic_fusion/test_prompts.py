"""Prompts are lists of lines."""

from __future__ import annotations

from scenarios.synthetic_fusion.prompts import contrast, listing, rephrase

PREFIXES = {"bank": "Bank:", "friend": "Friend:"}


def test_prompts_are_lists_of_lines() -> None:
    assert listing("", PREFIXES, (), "bank") == "Bank:"
    assert listing("Go.", PREFIXES, [("a\nb", "friend")], "bank") == "Go.\nFriend: a b\nBank:"
    lines = contrast("", PREFIXES, ["bad"], ["good"], "bank").split("\n")
    assert lines.index("Bank: bad") < lines.index("Bank: good") < len(lines) - 1 == lines.index("Bank:")
    assert rephrase(PREFIXES, "x", "bank").startswith("Bank: x\n")
