"""The deployment that a scenario builds for one suite entry and seed: who holds what, and what everyone knows.

A scenario file holds two short functions, the private party's generator and the curious party's
straight-line function, and a ``build`` that lays out who holds what. Everything in a deployment derives
from (suite, entry, seed) and never from the submission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from harness.attack import Candidate
from harness.models.refs import Encoder, PartRef
from harness.util.seeds import derive
from harness.wire.coalition import Coalition

if TYPE_CHECKING:
    import numpy

    from harness.attack import Public
    from harness.data.record import Item
    from harness.protocol.net import Net
    from harness.scenario.secrets import Secret
    from harness.scenario.tasks import UtilityTask

__all__ = [
    "Deployment",
    "PartyPlan",
]

SERVER_VIEW: Mapping[str, Coalition] = {"server": Coalition("server", sees_server=True)}


@dataclass(frozen=True)
class PartyPlan:
    """One private party and all it holds.

    ``items`` are in session order; nothing here is known to a curious party except ``settings`` and ``public_texts``.
    """

    items: tuple[Item, ...]
    """Inputs that it answers and that utility may be scored on; they carry no label."""
    parts: Mapping[str, PartRef]
    settings: Mapping[str, Any]
    public_texts: tuple[str, ...]
    seed: tuple[str | int, ...]
    """Axes of its defense's generator, before the operating point is added."""
    records: tuple[Item, ...] = ()
    """Labelled records that it trains on; canaries enter here like all others."""
    encoder: Encoder | None = None
    """What ``me.embed`` uses."""


@dataclass(frozen=True)
class Deployment:
    """One concrete system: parties, model parts, data, secrets, utility, and what everyone knows."""

    function: str
    """``module:name`` of the private party's generator function, importable in the worker."""
    curious: Callable[[Net], None]
    parties: Mapping[str, PartyPlan]
    """Item and record ids are distinct over all parties."""
    public: Public
    secrets: Mapping[str, Secret]
    tasks: tuple[UtilityTask, ...]
    model_id: str
    """Content hash of the model, for run keys."""
    data_id: str
    """Content hash of all private records, for run keys."""
    curious_parts: Mapping[str, PartRef] = field(default_factory=dict)
    local_parts: Mapping[str, PartRef] = field(default_factory=dict)
    """What stands in for ``curious_parts`` when the curious party is absent: the local-only reference."""
    known: Mapping[str, str] = field(default_factory=dict)
    """Item id -> text of the (plain, message) pairs an attacker may hold: sessions of the live run, never scored."""
    entitlement: Mapping[str, Any] = field(default_factory=dict)
    """What the adversary is given; stored with every run."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """``net.settings``; empty: those of the first party."""
    encoder: Encoder | None = None
    """What ``net.embed`` uses."""
    coalitions: Mapping[str, Coalition] = field(default_factory=lambda: SERVER_VIEW)
    """The adversaries that a suite may name."""
    routes: Mapping[str, str] = field(default_factory=dict)
    """Private party -> the curious party it talks to, where that is not the server (an edge)."""
    candidates: tuple[Candidate, ...] = ()
    """Records whose membership is asked for."""
    imports: tuple[str, ...] = ()
    """Modules of libraries that the parties use: imported once for the workers of all runs, as that takes longer than
    many a run."""
    asked: tuple[str, ...] = ()
    """What an active curious party may ask about besides the candidates' texts: encoded once for all runs."""
    redraw: Callable[[numpy.random.Generator, Mapping[str, bool]], Deployment] | None = None
    """The same system on data that the attacker draws: the given candidates are in, all other records come from its
    auxiliary data. Makes shadow runs."""
    truth: Mapping[str, Any] = field(default_factory=dict)
    """Facts about the private data (class counts per party, a planted property); an attacker learns those of
    its shadows, never of the live run."""
    variants: Mapping[str, Callable[[], Deployment]] = field(default_factory=dict)
    """Behaviour -> the deployment that it is run on instead: ``centralised`` (one party that holds everything), or a
    ``local_only`` whose parties read it in their settings."""
    knobs: Mapping[str, Literal["at most", "at least"] | tuple[str, ...]] = field(default_factory=dict)
    """Settings of the parties that are the defense's own: ``prepare`` may change these and no others, numbers towards
    this side of what they are, texts to one of these. Only what makes a party train less is one: utility past the
    protocol is none."""
    knockout: Literal["sessions", "rows"] = "sessions"
    """The knock-out control exchanges messages between sessions, or (in rounds) the rows of every message."""
    malicious: bool = False
    """True where the curious party breaks the protocol in runs of behaviour ``malicious``: all attacks on it do so."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Text -> continuations that its party compares, of public and auxiliary texts; empty: no input has any."""

    def with_items(self, items: Mapping[str, Sequence[Item]]) -> Deployment:
        """The same deployment with other inputs for the named parties (simulations, knock-out subsets).

        Where inputs have continuations, those without get their own, or those of another public text if they are
        nobody's: no session shows by its form what it is for.
        """
        parties = {
            name: replace(plan, items=tuple(map(self._with_choices, items[name]))) if name in items else plan
            for name, plan in self.parties.items()
        }
        return replace(self, parties=parties)

    def _with_choices(self, item: Item) -> Item:
        if item.choices or not self.choices:
            return item
        if item.text in self.choices:
            return replace(item, choices=self.choices[item.text])
        others = sorted(self.choices)
        return replace(item, choices=self.choices[others[derive("choices", item.text) % len(others)]])

    def alone(self, party: str) -> Deployment:
        """The same deployment with one private party, for solo replay."""
        return replace(self, parties={party: self.parties[party]})
