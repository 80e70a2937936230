"""Words of the start page, which the static export shows too."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["LEAD", "SUBMIT", "TITLE", "citation"]

TITLE = "How much does a federated language-model system leak, and what does a defense buy?"
LEAD = (
    "leakboard runs a protocol by which parties share knowledge, lets a defense protect what a private party sends, "
    "and attacks every byte that left with attacks that know the defense. This board shows how much privacy each "
    "defense gains, what utility is left and what it costs, with 95 % intervals: at privacy 1 no attack beats a blind "
    "guess, at utility 1 nothing was lost."
)
SUBMIT = "leakboard new my_defense\nleakboard check my_defense\nleakboard evaluate my_defense\nleakboard board"


def citation(meta: Mapping[str, str]) -> str:
    """BibTeX of this board: the software's version, its suites, and the hash of its records."""
    suites = meta.get("suites", "").replace("_", r"\_")
    return (
        "@software{leakboard,\n"
        "  title = {leakboard: how much federated language-model systems leak},\n"
        "  author = {{The leakboard authors}},\n"
        f"  version = {{{meta.get('leakboard', '')}}},\n"
        f"  year = {{{meta.get('built', '')[:4]}}},\n"
        f"  note = {{Suites {suites}; records {meta.get('records_hash', '')[:12]}}}\n"
        "}"
    )
