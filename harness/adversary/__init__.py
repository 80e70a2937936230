"""The view of a coalition: transcript, simulations, shadow runs, replays, and noise laws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.adversary.noise_laws import confirmed_laws, declared_laws, twin_laws
    from harness.adversary.replay import ReplayedMessage, constant, randomised, twin_test
    from harness.adversary.shadows import ShadowBank
    from harness.adversary.target import TargetView
    from harness.adversary.view import Bank, RunView

__all__ = [
    "Bank",
    "ReplayedMessage",
    "RunView",
    "ShadowBank",
    "TargetView",
    "confirmed_laws",
    "constant",
    "declared_laws",
    "randomised",
    "twin_laws",
    "twin_test",
]

_ROOMS = {
    "harness.adversary.noise_laws": "confirmed_laws declared_laws twin_laws",
    "harness.adversary.replay": "ReplayedMessage constant randomised twin_test",
    "harness.adversary.shadows": "ShadowBank",
    "harness.adversary.target": "TargetView",
    "harness.adversary.view": "Bank RunView",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
