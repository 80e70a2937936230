"""Synthetic-data fusion: generators or votes of several parties make one synthetic data set for a small task model."""

from __future__ import annotations

SCENARIOS: dict[str, str] = {}
