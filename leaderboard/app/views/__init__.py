"""One thin file per page; :mod:`leaderboard.app.main` runs the one that the address names."""
