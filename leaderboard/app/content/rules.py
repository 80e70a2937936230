"""The text of the rules page."""

from __future__ import annotations

from collections.abc import Mapping

from harness.score import WEIGHTS
from harness.score.rules import UTILITY_FLOOR
from leaderboard.ranks.overall import USEFUL

__all__ = ["SECTIONS"]

_WP, _WU, _WE = WEIGHTS

SECTIONS: Mapping[str, str] = {
    "Leakage and privacy": r"""
An attack's **advantage** says how far it gets beyond a blind guess towards recovering everything:
$A = (m - b) / (\text{perfect} - b)$, where $m$ is the attack's score and $b$ that of the best attack which sees no
message but has the same auxiliary data.

**Leakage** is the advantage of the strongest attack on record-level secrets: texts, membership, attributes, labels.
The strongest attack is chosen on other records than it is scored on, so that the maximum is not flattered by luck,
and the 95 % interval is simultaneous over all attacks. **Privacy** $= 1 -$ leakage; ranks use its lower end. Secrets
about a party's records as a whole have a column of their own.

Attacks know the defense: its code and its parameters, but not its randomness.
""",
    "Utility": r"""
$U = (u - u_\text{ref}) / (u_\text{undefended} - u_\text{ref})$ on the very texts that are attacked. The reference is
the better of a blind guess and what the private party achieves on its own, so 0 means that taking part was useless.
""",
    "Efficiency": r"""
Geometric mean, over bytes on the wire, the private parties' FLOPs, their peak memory and round trips, of
$\min(1, \text{undefended} / \text{defended})$. Wall time is shown but not ranked; setup has its own column.
""",
    "Gained": rf"""
Privacy **gained** is the paired difference to the undefended system on the same records, and counts at equal utility
alone: where a row keeps the utility that is asked for, {USEFUL:g} unless the slider says otherwise. A
defense helps where
the gain is significant, corrected over all pairs of the entry, and the whole interval of utility lies at or above that
level. A gain within noise is none.
""",
    "One number": rf"""
$$
\text{{PUE}} = \frac{{1}}{{1 + \sqrt{{w_P (1-P)^2 + w_U \max(0, 1-U)^2 + w_E (1-E)^2}}}}
$$

with $P$ the lower end of privacy and the weights {_WP:.2f}, {_WU:.2f} and {_WE:.2f} unless the sliders say otherwise.
The form is that of VFLAIR's Defense Capability Score. Over all entries of a suite the **minimum** counts, and an entry
that a submission does not declare takes the values of the undefended system.
""",
    "Ranks, groups and the front": rf"""
Rows of one **group** do not differ significantly: differences are paired on the secrets that all submissions share, and
corrected by Holm's method. The undefended system is what rows are compared with and has no rank. **Places** are those
that a row takes in 95 % of resamples of the records. Dominance on
the Pareto front counts significant differences only. Below a utility of
{UTILITY_FLOOR:g} a row is listed but neither ranked nor on the front: sending noise must not win. Numbers are
means over the seeds that the harness owns, never the best of several; with one seed, or on a quick suite,
ranks are indicative.
""",
    "Controls": """
Every attack must show its known value on the undefended system, at least or, where there is nothing to find, at most;
otherwise its cells are void. Against noise of the right shape no attack may beat its blind guess, by one test at 1 %
over all of them; where one does, every row of the entry is flagged. With answers swapped between inputs, utility must
fall; where it does not, the row is a bypass and is not ranked. Rows that ran inside the harness's own process are never
ranked.
""",
    "Claims": """
A claimed epsilon is recomputed from the mechanisms that the harness itself executed, for what the coalition really
sees. It is refuted where that loss exceeds the claim, or where a lower bound does that an attack by the coalition in
the claim's view proves for one record, in or out, at the claim's delta; all bounds of a row hold together with 95 %.
Differential privacy is a promise about an attacker who knows every other record. Such an **informed** attack counts
here, by one canary of every run, and is shown among the diagnostics; it ranks nothing, since no coalition knows so
much.
""",
}
"""Title -> Markdown. All of it is ours: no word comes from a submission."""
