"""Small grids in HTML: attacks against attacks, and records against attacks."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.answers.numbers import Row
from leaderboard.app.escape import hypertext

__all__ = ["exposure_grid", "overlap_grid"]


def overlap_grid(pairs: Sequence[Row]) -> str:
    """Attacks against attacks: records that fall to both, darker for more; a last column for the blind guess.

    Args:
        pairs: rows of ``overlap`` of one row of the board.
    """
    names = list(dict.fromkeys(pair["a"] for pair in pairs))
    by_pair = {(pair["a"], pair["b"]): pair for pair in pairs}
    titles = "".join(f'<th scope="col">{hypertext(name)}</th>' for name in names)
    rows = "".join(_attack(name, names, by_pair) for name in names if (name, name) in by_pair)
    return (
        f'<div class="lb-scroll" tabindex="0"><table class="lb-grid"><thead><tr><th></th>{titles}'
        f'<th scope="col">blind guess</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _attack(name: str, names: Sequence[str], pairs: dict[tuple[str, str], Row]) -> str:
    cells = "".join(_cell(pairs.get((name, other)) or pairs.get((other, name)), "both") for other in names)
    return f'<tr><th scope="row">{hypertext(name)}</th>{cells}{_cell(pairs[name, name], "blind")}</tr>'


def _cell(pair: Row | None, column: str) -> str:
    if pair is None:
        return "<td>n/a</td>"
    share = pair[column] / pair["n"] if pair["n"] else 0.0
    return f'<td style="--share:{100 * share:.0f}%">{pair[column]:,} of {pair["n"]:,}</td>'


def exposure_grid(records: Sequence[Row]) -> str:
    """Records against attacks: a mark where the record falls.

    Args:
        records: rows of ``exposed`` of one row of the board.
    """
    names = list(dict.fromkeys(name for row in records for name in row["attacks"]))
    titles = "".join(f'<th scope="col">{hypertext(name)}</th>' for name in names)
    rows = "".join(_record(row, names) for row in records)
    return (
        f'<div class="lb-scroll" tabindex="0"><table class="lb-grid"><thead><tr><th scope="col">Record</th>{titles}'
        f'<th scope="col">falls to</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _record(row: Row, names: Sequence[str]) -> str:
    marks = "".join(
        f'<td class="{"hit" if name in row["attacks"] else ""}">{"falls" if name in row["attacks"] else ""}</td>'
        for name in names
    )
    record = hypertext(f"{row['record']}, seed {row['seed']}")
    return f'<tr><th scope="row">{record}</th>{marks}<td>{len(row["attacks"])} of {row["tried"]}</td></tr>'
