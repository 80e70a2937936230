"""The Streamlit pages of ``leakboard board``. They show what
:mod:`leaderboard.queries` computes, and compute nothing."""
