"""Flags of a row: each an attribute with a definition and never a silent rejection.

The idea of automatic flags is AutoAttack's (Croce et al. 2021, RobustBench, section 3), carried over to leakage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.score.rules import LEAST_GAP, RANKED_SEEDS, UTILITY_FLOOR

__all__ = ["FEW", "FLAGS", "MANY", "UNRANKED", "VOID", "Flag", "sentences"]

MANY = 300
"""Records from which on a recovery rate of none is a statement (upper bound 1 %)."""

FEW = 30
"""Records below which nothing much can be said."""

FLAGS: Mapping[str, tuple[str, str]] = {
    "bypass": ("bypass", "Utility survives when answers are swapped between inputs: it is earned past the protocol."),
    "control_failed": (
        "control failed",
        "An attack missed its known value on the undefended system; its cells here are void.",
    ),
    "negative_control_failed": (
        "negative control failed",
        "An attack beats its blind guess on noise of the right shape: it reads what it should not, so leakage in this "
        "entry cannot be relied on.",
    ),
    "negative_control": ("negative control", "A control of the suite, which sends nothing of use: it never ranks."),
    "negative_control_useful": (
        "negative control useful",
        f"A negative control, which sends nothing of use, has utility above {UTILITY_FLOOR:g}: what this entry calls "
        "utility is not earned by sharing, so nothing in it ranks.",
    ),
    "isolation_none": (
        "isolation none: never ranked",
        "The defense ran inside the harness's process, which is for debugging.",
    ),
    "attack_error": ("attack ended in error", "An attack could not be completed, so leakage may be too low."),
    "attack_prevented": (
        "attack failed through the submission",
        "An attack that has a result on the undefended system has none here: the row is void, for what was not "
        "measured may leak.",
    ),
    "control_missing": ("control not run", "A control of the row has no result, so it may be what the control is for."),
    "partial": (
        "partial",
        "Some seeds, attacks or utility tasks are missing; scores are over what is shared by all attacks.",
    ),
    "few_seeds": ("few seeds", f"Fewer than {RANKED_SEEDS} seeds: the interval is conditional on them."),
    "small_n": (
        "small n",
        f"So few records that nothing recovered says little: below {MANY} and no success, or below {FEW}.",
    ),
    "unverified_law": (
        "unverified noise law",
        "The noise was made outside the harness, or its declared law does not fit what was "
        "sent: the claim is audited only.",
    ),
    "randomised": (
        "randomised output",
        "The same input gives different messages: attacks must average over the randomness.",
    ),
    "differs_in_simulation": (
        "differs in simulation",
        "The live messages differ from the same ones sent again: the submission behaves otherwise when it is attacked.",
    ),
    "pooled_state": (
        "state shared between parties",
        "A party sends something else when it is alone in a worker: what parties hold was pooled as no deployment can.",
    ),
    "control_error": (
        "control ended in error",
        "A control of this row could not be completed, so that its messages were not checked.",
    ),
    "irreproducible": (
        "not reproducible",
        "The same seeds and inputs gave other messages, so that nothing can be checked by running the defense again.",
    ),
    "constant_message": ("constant message", "Messages do not depend on the input: nothing leaks as nothing is said."),
    "weak_beats_strong": (
        "weak attack beats strong one",
        "The order of two attacks on the undefended system is reversed beyond noise, "
        "or a blind guess beats every attack: the stronger attack is not adapted to the defense.",
    ),
    "auc_below_half": (
        "AUC far below 0.5",
        "Scores rank non-members above members beyond noise: a sign error, or deliberate masking. Leakage counts them "
        "read the other way round, too.",
    ),
    "read_reversed": (
        "read the other way round",
        "An attack's guesses point away from the secret beyond noise, which gives it away all the same: they count "
        "reversed.",
    ),
    "live_unlike_shadows": (
        "live run unlike shadows",
        "A membership attack does not fare on the live run as it does on shadows, so the live run alone counts.",
    ),
    "shadows_void": (
        "shadows void",
        "Without any defense the live run is unlike its shadows: what shadows tell of this entry cannot be relied on.",
    ),
    "adaptive_weaker": (
        "adaptive weaker than oblivious",
        "Knowing the defense made an attack worse beyond noise: it adapts badly.",
    ),
    "claim_refuted": (
        "claim refuted",
        "The loss recomputed from what was executed, or an audit, exceeds the claimed epsilon.",
    ),
    "claim_unverified": ("claim unverified", "No ledger entry of the harness supports the claimed epsilon."),
    "below_floor": (
        "below the utility floor",
        f"The interval of utility reaches below {UTILITY_FLOOR:g}: listed, but never ranked nor on the front.",
    ),
    "no_gain": (
        "leakage only",
        f"Undefended sharing is less than {LEAST_GAP:g} standard errors better than the better of a blind guess and "
        "local-only training: there is no scale of utility, no PUE and no rank, and leakage alone is compared.",
    ),
    "void_tasks": ("void tasks", "A utility task where the undefended system is no better than the reference."),
    "not_cross_fitted": ("not cross-fitted", "Too few clusters to choose the strongest attack on other records."),
    "one_class": ("one class", "All records are of one class at some seed, so balanced accuracy means little."),
    "few_nonmembers": (
        "few non-members",
        "Fewer non-member scores than the asked false-positive rate needs: a larger rate counts, or it is coarse.",
    ),
    "no_floor": ("no blind attack", "An attack's metric has no blind attack and does not count."),
    "reserved_name": (
        "reserved name",
        "Another source under the name of a registered submission: kept apart from it, and never ranked.",
    ),
    "stale": ("other source", "Measured with another version of the submission's source than the one here."),
}
"""Flag id -> (short title, meaning)."""

UNRANKED = frozenset(
    {
        "bypass",
        "reserved_name",
        "pooled_state",
        "irreproducible",
        "control_error",
        "isolation_none",
        "below_floor",
        "differs_in_simulation",
        "attack_error",
        "attack_prevented",
        "control_missing",
        "partial",
        "shadows_void",
        "negative_control",
        "negative_control_useful",
    }
)
"""Flags that keep a row out of ranks."""

VOID = frozenset({"control_failed"})
"""Flags of attacks whose cells are void."""


@dataclass(frozen=True)
class Flag:
    """A flag of one row, with the particulars."""

    id: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.id not in FLAGS:
            raise ValueError(f"no flag {self.id!r}; known: {', '.join(sorted(FLAGS))}")

    def __str__(self) -> str:
        title = FLAGS[self.id][0]
        return f"{title}: {self.detail}" if self.detail else title


def sentences(flags: Iterable[Flag]) -> dict[str, list[str]]:
    """Flag id -> its particulars, in order, without repetition."""
    details: dict[str, list[str]] = {}
    for flag in flags:
        known = details.setdefault(flag.id, [])
        if flag.detail and flag.detail not in known:
            known.append(flag.detail)
    return details
