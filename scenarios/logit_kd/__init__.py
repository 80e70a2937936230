"""Logit sharing: clients answer public texts, and learn from the consensus of all answers."""

from __future__ import annotations

SCENARIOS = {"logit_kd": "scenarios.logit_kd.scenario:LOGIT_KD"}
