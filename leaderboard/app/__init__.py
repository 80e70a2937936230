"""The Streamlit pages of ``leakboard board``, which show what :mod:`leaderboard.queries` reads and compute nothing."""
