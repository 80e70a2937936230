"""The negative control: noise of the right shape, on which no attack may beat its blind guess (design.md section 4).

An attack that does reads something that it should not: a secret that reaches it past the messages, or a shape that
follows the data. Then no leakage of the entry can be relied on, so every row of it is flagged.
"""

from __future__ import annotations

from collections.abc import Collection

from harness import score
from harness.assessment.flags import Flag
from harness.assessment.measures import clusters, usable
from harness.assessment.series import Ledger
from harness.errors import LeakboardError
from harness.util.seeds import numpy_generator

__all__ = ["NEGATIVE", "negative_flags", "negative_test"]

NEGATIVE = "negative"
"""What a manifest has in ``control`` if its submission is a negative control."""


def negative_flags(ledger: Ledger, names: Collection[str]) -> tuple[Flag, ...]:
    """A flag for every operating point of the submissions ``names`` on which an attack beats its blind guess."""
    found = []
    for name, point in (p for p in ledger.points() if p[0] in names):
        test = negative_test(ledger, name, point)
        if test is not None and not test.passed:
            who = f"{' on '.join(test.strongest)} against {name}"
            beyond = f"{test.statistic:.1f} standard errors above a blind guess, {test.threshold:.1f} may be chance"
            found.append(Flag("negative_control_failed", f"{who}: {beyond}"))
    return tuple(found)


def negative_test(ledger: Ledger, name: str, point: int) -> score.NullTest | None:
    """One max-T test at 1 % over all attacks on a row, those that do not count and those that their control voids
    among them; None where nothing can be tested."""
    entries, _ = usable(ledger, ledger.runs(name, point), ledger.attack_series(name, point))
    attacks, blinds = ([entry.scores for entry, blind in entries if blind is part] for part in (False, True))
    rng = numpy_generator("negative", ledger.suite, ledger.entry, name, str(point))
    try:
        return score.max_t_null(attacks, blinds, rng=rng, clusters=clusters([*attacks, *blinds])) if attacks else None
    except LeakboardError:  # every entry is void, which its row says
        return None
