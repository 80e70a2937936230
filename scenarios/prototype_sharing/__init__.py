"""Prototype sharing: clients send the mean feature vector of each class, the server combines them."""

from __future__ import annotations

SCENARIOS = {"prototype_sharing": "scenarios.prototype_sharing.scenario:PROTOTYPE_SHARING"}
