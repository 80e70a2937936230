"""The view of a coalition: transcript, sessions, simulations, shadow runs, replays, and noise laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.adversary.noise_laws import confirmed_laws, declared_laws, replayed_laws
    from harness.adversary.replay import ReplayedMessage, constant, randomised
    from harness.adversary.sessions import RunSessions
    from harness.adversary.shadows import ShadowBank, ShadowPlan
    from harness.adversary.simulation import SimulationBank
    from harness.adversary.solo_replay import SoloReplay, solo_replay
    from harness.adversary.training_sessions import TrainingSessions
    from harness.adversary.view import TargetView

__all__ = [
    "ReplayedMessage",
    "RunSessions",
    "ShadowBank",
    "ShadowPlan",
    "SimulationBank",
    "SoloReplay",
    "TargetView",
    "TrainingSessions",
    "confirmed_laws",
    "constant",
    "declared_laws",
    "randomised",
    "replayed_laws",
    "solo_replay",
]

_ROOMS = {
    "harness.adversary.noise_laws": "confirmed_laws declared_laws replayed_laws",
    "harness.adversary.replay": "ReplayedMessage constant randomised",
    "harness.adversary.sessions": "RunSessions",
    "harness.adversary.shadows": "ShadowBank ShadowPlan",
    "harness.adversary.simulation": "SimulationBank",
    "harness.adversary.solo_replay": "SoloReplay solo_replay",
    "harness.adversary.training_sessions": "TrainingSessions",
    "harness.adversary.view": "TargetView",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
