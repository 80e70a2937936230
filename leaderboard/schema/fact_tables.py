"""Tables of facts about submissions, scenarios, attacks and suites, and about the board itself."""

from __future__ import annotations

from leaderboard.schema.columns import Table, flag, json, texts, words

__all__ = ["ATTACK_CARDS", "META", "SCENARIOS", "SUBMISSIONS", "SUITES"]

SUBMISSIONS = Table(
    "submissions",
    "One row per submission: its manifest.",
    (
        words("submission", "Submission", "Name of the submission."),
        words("title", "Title", "One line."),
        words("summary", "Summary", "What the defense does."),
        texts("authors", "Authors", "Who wrote it."),
        words("licence", "Licence", "SPDX identifier of its source's licence."),
        words("source", "Source", "Paper or text that the defense comes from."),
        words("bibtex", "BibTeX", "The same for a bibliography."),
        words("cite_key", "Cite key", "Key of the BibTeX entry."),
        words("family", "Family", "Group of the defense."),
        texts("scenarios", "Scenarios", "Scenarios it is made for; * for all."),
        flag("secret_state", "Secret state", "Whether it rests on secret deployment state."),
        json("points", "Operating points", "List of label and parameters."),
        json("claim", "Claim", "Claimed epsilon, delta, unit, adjacency, view; null without a claim."),
        words("hash", "Source hash", "Hash of the source tree here; NULL where the source is not here."),
        words("runs_hash", "Hash of runs", "Hash of the source tree that the latest runs were made with."),
        texts("flags", "Flags", "Ids of what is odd about the submission."),
    ),
)

SCENARIOS = Table(
    "scenarios",
    "One row per scenario.",
    (
        words("scenario", "Scenario", "Name of the scenario."),
        words("summary", "Summary", "What the protocol does."),
        words("threat_model", "Threat model", "What the curious parties see and may do."),
        words("source", "Source", "Paper the protocol comes from."),
        json("coalitions", "Coalitions", "Coalitions and what they see."),
        json("secrets", "Secrets", "What is protected."),
        json("settings", "Settings", "Settings and their meaning."),
        json("steps", "Steps", "Variant of the protocol -> who sends whom what, in order."),
        words("steps_by", "Variant", "The setting that chooses the variant."),
    ),
)

ATTACK_CARDS = Table(
    "attack_cards",
    "One row per attack.",
    (
        words("attack", "Attack", "Name of the attack."),
        words("summary", "Summary", "What it does."),
        words("description", "Description", "Its documentation."),
        words("source", "Source", "Paper it comes from."),
        words("secret", "Secret", "Kind of secret it aims at."),
        texts("reads", "Reads", "Message kinds it needs to see."),
        flag("blind", "Blind", "Never looks at a message: measures the floor."),
        json("parameters", "Parameters", "Parameters with their defaults."),
    ),
)

SUITES = Table(
    "suites",
    "One row per suite that has results.",
    (
        words("suite", "Suite", "Suite as name@version."),
        words("name", "Name", "Name of the suite."),
        words("suite_version", "Suite version", "Version of the suite."),
        words("title", "Title", "One line."),
        words("summary", "Summary", "What it measures and for whom."),
        flag("indicative", "Indicative", "Whether its ranks are indicative only."),
        words("scenario_set", "Scenario set", "Fixed scenario set whose overall score it feeds."),
        flag("known", "Known here", "Whether this installation has that version of the suite."),
        json("entries", "Entries", "The suite's entries: name, scenario, seeds, settings, entitlement, attacks."),
    ),
)

META = Table(
    "meta",
    "Where the board comes from.",
    (words("name", "Name", "Name of the fact."), words("value", "Value", "Its value.")),
)
