"""Synthetic-data fusion: generators or votes of several parties make one synthetic data set for a small task model."""

from __future__ import annotations

SCENARIOS = {"synthetic_fusion": "scenarios.synthetic_fusion.scenario:SYNTHETIC_FUSION"}
