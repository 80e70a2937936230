"""Both ends of a link: the private party, the curious net, the channel between them, and local training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.util.faces import lazy

if TYPE_CHECKING:
    from harness.protocol.behaviours import CENTRALISED, HONEST, KNOCKOUT, LOCAL_ONLY, MALICIOUS, PASSIVE
    from harness.protocol.channel import Channel
    from harness.protocol.net import CuriousResources, Net
    from harness.protocol.party import Link, Party, PartyFunction, PartyResources, Sent
    from harness.protocol.split_learner import SplitLearner
    from harness.protocol.training import TrainingPlan
    from harness.protocol.transport import Transport

__all__ = [
    "CENTRALISED",
    "HONEST",
    "KNOCKOUT",
    "LOCAL_ONLY",
    "MALICIOUS",
    "PASSIVE",
    "Channel",
    "CuriousResources",
    "Link",
    "Net",
    "Party",
    "PartyFunction",
    "PartyResources",
    "Sent",
    "SplitLearner",
    "TrainingPlan",
    "Transport",
]

_ROOMS = {
    "harness.protocol.behaviours": "CENTRALISED HONEST KNOCKOUT LOCAL_ONLY MALICIOUS PASSIVE",
    "harness.protocol.channel": "Channel",
    "harness.protocol.split_learner": "SplitLearner",
    "harness.protocol.net": "CuriousResources Net",
    "harness.protocol.party": "Link Party PartyFunction PartyResources Sent",
    "harness.protocol.training": "TrainingPlan",
    "harness.protocol.transport": "Transport",
}

if not TYPE_CHECKING:  # a checker reads the imports above
    __getattr__ = lazy(__name__, _ROOMS)
