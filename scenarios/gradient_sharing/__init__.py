"""Gradient sharing: clients fine-tune one language model together and send gradients or updates."""

from __future__ import annotations

SCENARIOS = {"gradient_sharing": "scenarios.gradient_sharing.scenario:GRADIENT_SHARING"}
