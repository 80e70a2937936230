"""Split inference of a language model: the data party runs the first blocks, the model party the rest."""

from __future__ import annotations

SCENARIOS = {"split_llm": "scenarios.split_llm.scenario:SPLIT_LLM"}
