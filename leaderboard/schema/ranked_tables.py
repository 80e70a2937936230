"""Tables of scores and ranks, which pages and exports show first."""

from __future__ import annotations

from harness.integrity import MEANINGS
from harness.score import WEIGHTS
from harness.score.rules import UTILITY_FLOOR
from leaderboard.schema.columns import Table, flag, json, number, texts, whole, words
from leaderboard.schema.fields import COSTS, KEYS, STATUS, WHO, with_interval

__all__ = ["BOARD", "HEADLINE", "OVERALL"]

_WEIGHTS = ", ".join(f"{weight:.2f}" for weight in WEIGHTS)

BOARD = Table(
    "board",
    "One row per suite entry, submission and operating point.",
    (
        *KEYS,
        words("suite_version", "Suite version", "Version of the suite; numbers compare within one version only."),
        flag("indicative", "Indicative", "The suite is a quick look: too few seeds or records for ranks that count."),
        words("scenario", "Scenario", "Protocol that was run."),
        *WHO,
        words("family", "Family", "Kind of defense: what its manifest says, else guessed from its name."),
        words("label", "Operating point", "Parameters of the operating point in words."),
        words("adversary", "Adversary", "Coalition of curious parties whose view counts: the one that leaks most."),
        words("threat_model", "Threat model", "What the scenario says about the curious parties."),
        *with_interval("privacy"),
        *with_interval("aggregate_leakage"),
        *with_interval("utility"),
        number(
            "efficiency",
            "Efficiency",
            "Geometric mean over bytes, private FLOPs, private peak memory and round "
            "trips of min(1, undefended / defended).",
        ),
        number(
            "pue",
            "PUE",
            "1 / (1 + sqrt(wp (1-P)^2 + wu max(0, 1-U)^2 + we (1-E)^2)), P the lower end of "
            f"privacy; weights {_WEIGHTS} unless set.",
        ),
        *with_interval("pue")[1:],
        whole(
            "rank",
            "Rank",
            "Place by PUE among the ranked rows of the entry; equal values share a place. The undefended system is the "
            "reference and has none.",
        ),
        whole("rank_low", "Best rank", "Best place in the middle 95 % of resamples of the records and seeds."),
        whole("rank_high", "Worst rank", "Worst place in the middle 95 % of resamples of the records and seeds."),
        number(
            "rank_stability",
            "Rank stability",
            "Mean rank correlation (Spearman) of the order of the entry's ranked rows on two random halves of the "
            "records; 1: the halves always agree, 0: they agree no more than chance.",
        ),
        whole(
            "group",
            "Group",
            "1: not significantly worse than the best of the entry; 2: not than the best of the "
            "rest; and so on. Paired differences of PUE on shared records, Holm-corrected; with other weights, "
            "overlap of the intervals.",
        ),
        whole(
            "tier",
            "Pareto tier",
            "1: no row is significantly better in privacy or utility (intervals apart) and no worse in the other; "
            "2: none but rows of tier 1; and so on.",
        ),
        flag(
            "on_front",
            "On the front",
            f"Tier 1, and utility at its low end at or above the floor of {UTILITY_FLOOR:g}.",
        ),
        number(
            "dcs",
            "DCS",
            "VFLAIR's Defense Capability Score of the strongest attack (beta 0.5): "
            "1 / (1 + sqrt(0.5 AP^2 + 0.5 max(0, MP* - MP)^2)) of raw performances.",
        ),
        json("t_dcs", "T-DCS", "DCS averaged over the attacks on each kind of secret."),
        number("c_dcs", "C-DCS", "Mean of T-DCS over the kinds of secret."),
        words(
            "strongest", "Strongest attack", "Attack and variant with the largest advantage on record-level secrets."
        ),
        words("strongest_secret", "Strongest on", "Metric of the secret that this attack recovered most of."),
        whole("n_records", "Records", "Records over which leakage was measured.", "records"),
        whole("seeds", "Seeds", "Seeds with an honest run; means are over all of them, never the best."),
        whole("runs", "Runs", "Runs behind this row, controls among them."),
        words("isolation", "Isolation", "Where the private parties ran: none, process or sandbox."),
        flag("ranked", "Ranked", "Whether nothing keeps the row from ranks; flags and reason say what does."),
        words(
            "verified",
            "State",
            "; ".join(f"{state}: {meaning}" for state, meaning in MEANINGS.items()) + ".",
        ),
        texts("flags", "Flags", "Ids of what is odd about the row."),
        json("notes", "Notes", "Flag id -> sentences with the particulars."),
        *STATUS,
        *COSTS,
        number("claim_epsilon", "Claimed epsilon", "Differential-privacy loss that the manifest claims."),
        number(
            "measured_epsilon",
            "Epsilon",
            "Loss recomputed from the ledger of what was really executed, at the claim's delta and unit.",
        ),
        words(
            "claim_about",
            "Epsilon is about",
            "Unit, adjacency and delta of both epsilons: values about different ones do not compare.",
        ),
        words(
            "claim_limit",
            "Beyond refutation",
            "Why no attack of this suite, however strong, could refute the claim; NULL where one could.",
        ),
    ),
)

OVERALL = Table(
    "overall",
    "One row per suite, submission and operating point, over the suite's fixed set of scenario entries.",
    (
        *(column for column in KEYS if column.name != "entry"),
        *WHO,
        words("label", "Operating point", "Parameters of the operating point in words."),
        number(
            "pue",
            "Overall PUE",
            "Minimum of PUE over the suite's entries; an entry that the submission does not "
            "declare takes the values of none.",
        ),
        words("weakest", "Weakest entry", "Entry with the smallest PUE."),
        whole("rank", "Rank", "Place by overall PUE; equal values share a place."),
        number(
            "privacy_at_utility_90",
            "Privacy at utility 0.9",
            "Smallest over the entries of the largest privacy "
            "that one of the submission's "
            "operating points has there with utility of at least 0.9, both at the far ends of intervals that hold for "
            "all its points at once; 0 where none has.",
        ),
        number(
            "gaussian_at_utility_90",
            "Gaussian at utility 0.9",
            "The same for clipped Gaussian noise tuned to "
            "utility 0.9: its curve is "
            "interpolated between operating points.",
        ),
        number(
            "hypervolume",
            "Hypervolume",
            "Mean over the entries of the area of privacy and utility, each in [0, "
            "1], that the submission's points dominate.",
        ),
        json("t_dcs", "T-DCS", "DCS averaged over the attacks on each kind of secret, all entries together."),
        number("c_dcs", "C-DCS", "Mean of T-DCS over the kinds of secret."),
        number("efficiency", "Efficiency", "Smallest efficiency over the entries."),
        whole("covered", "Entries covered", "Entries with a result of this submission."),
        whole("entries", "Entries", "Entries of the suite."),
        flag("declared", "All declared", "Whether the submission declares every scenario of the suite."),
        flag("indicative", "Indicative", "The suite is a quick look."),
        flag("ranked", "Ranked", "Whether the row takes part in ranks."),
        *STATUS,
    ),
)

HEADLINE = Table(
    "headline",
    "One row per suite entry and submission: what its operating points reach together.",
    (
        *(column for column in KEYS if column.name != "point"),
        number(
            "privacy_at_utility_90",
            "Privacy at utility 0.9",
            "Largest privacy of an operating point with utility of at least 0.9, both at the far ends of intervals "
            "that hold for all points of the submission at once; 0 where there is none.",
        ),
        whole("point_at_utility_90", "Point at utility 0.9", "The operating point that reaches it."),
        number(
            "gaussian_at_utility_90",
            "Gaussian at utility 0.9",
            "Privacy of the Gaussian curve through the same far ends, interpolated at utility 0.9.",
        ),
        number(
            "hypervolume",
            "Hypervolume",
            "Area of privacy and utility, each in [0, 1], that the submission's points dominate.",
        ),
    ),
)
