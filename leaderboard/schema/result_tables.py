"""Tables behind the ranks: attacks, runs, cells, paired differences, evidence."""

from __future__ import annotations

from leaderboard.schema.columns import Table, flag, json, number, texts, whole, words
from leaderboard.schema.fields import COSTS, INTERVALS, KEYS, STATUS

__all__ = [
    "ATTACKS",
    "BOUNDS",
    "CELLS",
    "DIAGNOSTICS",
    "EVIDENCE",
    "EXPOSED",
    "OVERLAP",
    "PAIRS",
    "RUNS",
    "STRATA",
    "TASKS",
]

_ATTACK = (
    words("attack", "Attack", "Name of the attack."),
    words(
        "variant",
        "Variant",
        "oblivious: as if there were no defense; adaptive: knows the defense; blind: sees no message.",
    ),
    words("coalition", "Coalition", "Curious parties that share what they see."),
)
"""Columns that name the attack and the coalition."""

ATTACKS = Table(
    "attacks",
    "One row per suite entry, submission, operating point, attack, variant, coalition, secret and metric.",
    (
        *KEYS,
        *_ATTACK,
        words("secret", "Secret", "What the attack aims at."),
        flag("aggregate", "Aggregate", "The secret is about all records of a party, and does not enter leakage."),
        words("metric", "Metric", "How the guess is scored."),
        number("value", "Value", "Mean of the raw metric over records and seeds."),
        *INTERVALS["value"],
        number("floor", "Blind floor", "The same metric of the best blind attack."),
        number("advantage", "Advantage", "(value - floor) / (perfect - floor): 0 like a blind guess, 1 everything."),
        *INTERVALS["advantage"],
        whole("n", "n", "Records that define the metric, over all seeds.", "records"),
        flag("counts", "Counts", "Whether it can set the row's leakage."),
        words("control", "Control", "Control of the attack on the undefended system: passed, failed, or none."),
        number("control_value", "Control value", "What the attack's strongest variant reached undefended."),
        number("control_at_least", "Control at least", "What it had to reach; none where its bound is an upper one."),
        number("control_at_most", "Control at most", "What it must not exceed; none where its bound is a lower one."),
        number("seconds", "Seconds", "Mean wall time of the cells.", "s"),
        *STATUS,
        texts("flags", "Flags", "Ids of what is odd about the attack's result."),
    ),
)

RUNS = Table(
    "runs",
    "One row per run.",
    (
        words("key", "Key", "Content address of the run."),
        *KEYS,
        words("scenario", "Scenario", "Protocol that was run."),
        whole("seed", "Seed", "Seed index; secrets derive from it and never from the submission."),
        words("behaviour", "Behaviour", "What the curious party does: honest, or a control."),
        words("isolation", "Isolation", "Where the private parties ran."),
        *STATUS,
        *COSTS,
        words("submission_hash", "Source", "Hash of the submission's source tree."),
        words("model", "Model", "Reference and content hash of the model."),
        words("data", "Data", "Name and content hash of the private records."),
        words("created", "Computed", "Start of the run, UTC."),
        json("parameters", "Parameters", "Parameter values of the operating point."),
        json("entitlement", "Entitlement", "What the adversary was given."),
        json("ledger", "Ledger", "Privacy mechanisms that the harness executed."),
        json("environment", "Environment", "Where and with what the run was made."),
    ),
)

CELLS = Table(
    "cells",
    "One row per cell, without its per-record scores.",
    (
        words("key", "Key", "Content address of the cell."),
        words("run_key", "Run", "Key of its run."),
        *KEYS,
        whole("seed", "Seed", "Seed index."),
        words("behaviour", "Behaviour", "Behaviour of the run."),
        words("role", "Role", "attack, blind, diagnostic, informed, utility or control."),
        words("name", "Name", "Attack or utility task."),
        words("variant", "Variant", "Variant of the attack."),
        words("coalition", "Coalition", "Curious parties that share what they see."),
        words("secret", "Secret", "What the attack aims at."),
        *STATUS,
        words("metric", "Metric", "The cell's first metric."),
        number("value", "Value", "Its mean over the cell's records."),
        whole("n", "n", "Records scored.", "records"),
        number("seconds", "Seconds", "Wall time of the cell.", "s"),
        words("created", "Computed", "When the cell was computed, UTC."),
    ),
)

PAIRS = Table(
    "pairs",
    "Paired differences between two rows of a suite entry on shared records and seeds.",
    (
        words("suite", "Suite", "Suite as name@version."),
        words("entry", "Entry", "Entry of the suite."),
        words("a_submission", "A", "First submission."),
        whole("a_point", "Point of A", "Its operating point."),
        words("b_submission", "B", "Second submission."),
        whole("b_point", "Point of B", "Its operating point."),
        words("measure", "Measure", "privacy, utility or pue."),
        number("difference", "A - B", "Difference of the measure, A minus B."),
        number("low", "Low", "Lower end of its 95 % interval."),
        number("high", "High", "Upper end of its 95 % interval."),
        number("p", "p", "Two-sided p-value of no difference."),
        number("p_holm", "p (Holm)", "The same, corrected over all pairs of the entry and measure."),
        whole("n", "n", "Shared records.", "records"),
    ),
)

EVIDENCE = Table(
    "evidence",
    "Original and reconstructed texts, only where the data's licence allows.",
    (
        *KEYS,
        words("attack", "Attack", "Name of the attack."),
        words("variant", "Variant", "Variant of the attack."),
        whole("seed", "Seed", "Seed index."),
        words("record", "Record", "Opaque id of the record."),
        json("original", "Original", "Tokens of the private text."),
        json("recovered", "Reconstruction", "Tokens of the guess, position by position."),
        json("hits", "Hits", "Whether each position was recovered."),
    ),
)

BOUNDS = Table(
    "bounds",
    "Lower bounds on epsilon that attacks prove.",
    (
        *KEYS,
        *_ATTACK,
        whole("seed", "Seed", "Seed index; NULL where a bound is over all seeds."),
        words(
            "method",
            "Method",
            "one-run audit (Steinke et al. 2023) of canaries, informed audit (the same of one canary of every run, by "
            "an attacker who knows all other records), or phantoms (disclosure test).",
        ),
        number("epsilon", "Epsilon at least", "No mechanism with a smaller epsilon at this delta allows this attack."),
        number("delta", "delta", "That of the row's claim about records in or out, where it has one; else 0."),
        number("ceiling", "Ceiling", "What a perfect attack on as many guesses would have shown."),
        number("alpha", "alpha", "Probability that the bound is wrong; audits of one row together stay below 0.05."),
    ),
)

EXPOSED = Table(
    "exposed",
    "Records of a row that fall to most of its strongest attacks, on the metric on which it leaks most.",
    (
        *KEYS,
        words("metric", "Metric", "The metric on which the row leaks most."),
        whole("seed", "Seed", "Seed index."),
        words("record", "Record", "Opaque id of the record."),
        texts("attacks", "Falls to", "Attacks that the record falls to: it counts for half of their metric or more."),
        whole("tried", "Tried", "Attacks compared that were after this record.", "attacks"),
    ),
)

OVERLAP = Table(
    "overlap",
    "Overlap of a row's strongest attacks: which records fall to one, to the other, to both.",
    (
        *KEYS,
        words("metric", "Metric", "The metric on which the row leaks most."),
        words("a", "First attack", "Attack and variant; the same as the second where a row is about one alone."),
        words("b", "Second attack", "Attack and variant."),
        words("coalition", "Coalition", "Curious parties that share what they see."),
        whole("n", "n", "Records that both attacks were after.", "records"),
        whole("a_records", "To the first", "Records that fall to the first attack.", "records"),
        whole("b_records", "To the second", "Records that fall to the second attack.", "records"),
        whole("both", "To both", "Records that fall to both.", "records"),
        whole("either", "To either", "Records that fall to at least one of them.", "records"),
        whole("blind", "To a blind guess", "Records that the first attack's blind floor finds, too.", "records"),
    ),
)

STRATA = Table(
    "strata",
    "Results of attacks by how many records are behind a release.",
    (
        *KEYS,
        *_ATTACK,
        words("secret", "Secret", "What the attack aims at."),
        words("metric", "Metric", "How the guess is scored."),
        words("stratum", "Records behind it", "How many records are behind the release: 1, 2-3, 4-10 or more."),
        whole("n", "n", "Records scored, over all seeds.", "records"),
        number("value", "Value", "The metric on these records; NULL where they are too few or of one kind."),
        *INTERVALS["value"],
        number("floor", "Blind floor", "The same metric of the best blind attack."),
    ),
)

TASKS = Table(
    "tasks",
    "What utility tasks reach by themselves: every row, beside no sharing and all data in one place.",
    (
        *KEYS,
        words(
            "system",
            "System",
            "defended; or of the submission none: undefended, local only (no sharing; utility is measured from it), "
            "centralised (all data in one place; enters no score).",
        ),
        words("task", "Task", "Name of the utility task and of its metric; larger is better."),
        number("value", "Value", "Mean of the raw metric over records and seeds."),
        number("value_low", "Value low", "Lower end of its 95 % interval, over records and seeds."),
        number("value_high", "Value high", "Upper end of its 95 % interval, over records and seeds."),
        whole("n", "n", "Scored records, over all seeds.", "records"),
    ),
)

DIAGNOSTICS = Table(
    "diagnostics",
    "Tests that are reported and never ranked: passing one shows nothing.",
    (
        *KEYS,
        *_ATTACK,
        whole("seed", "Seed", "Seed index."),
        whole("n", "n", "Records of the live run, members and others; of an informed attack, of all runs.", "records"),
        number(
            "auc",
            "AUC",
            "Chance that a member scores above another record (of an informed attack: above one of another run); 0.5: "
            "no difference.",
        ),
        number("p", "p", "One-sided Mann-Whitney test that members score higher; NULL of an informed attack."),
    ),
)
