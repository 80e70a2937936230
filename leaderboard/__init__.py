"""The board: ranking, queries, exports and figures as a library, and the Streamlit pages in ``app/``."""

COMMANDS = {
    "board": "leaderboard.commands:board",
    "export": "leaderboard.export.command:export",
    "ingest": "leaderboard.commands:ingest",
    "pack": "leaderboard.commands:pack",
    "build": "leaderboard.commands:build",
    "submit": "leaderboard.commands:submit",
    "verify": "leaderboard.commands:verify",
    "compare": "leaderboard.commands:compare",
}
"""Verb -> ``module:function`` of the command line's plugins."""
