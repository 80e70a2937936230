"""What a scenario plugin is, and the deployment it builds for one suite entry and seed.

A scenario holds two short functions, the private party's generator and the curious party's
straight-line function, and a ``build`` that lays out who holds what. Everything in a deployment derives
from (suite, entry, seed) and never from the submission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from harness.wire.coalition import Candidate, Coalition

if TYPE_CHECKING:
    import numpy

    from harness.attack import Public
    from harness.defense import Item
    from harness.protocol.net import Net
    from harness.scenario.secrets import Secret
    from harness.scenario.settings import Settings
    from harness.scenario.tasks import UtilityTask

__all__ = ["Deployment", "Encoder", "PartRef", "PartyPlan", "Scenario", "Step"]

SERVER_VIEW: Mapping[str, Coalition] = {"server": Coalition("server", sees_server=True)}


@dataclass(frozen=True)
class PartRef:
    """Blocks ``start .. stop`` of a model (``stop`` None: to the end), with the language-model head or without.

    ``embed`` False leaves out the embeddings of a part that starts at block 0: it is fed hidden states.
    """

    model: str
    start: int
    stop: int | None
    head: bool = False
    embed: bool = True


@dataclass(frozen=True)
class Encoder:
    """A frozen public text encoder: mean over the token states of a part, then L2-normalised."""

    part: PartRef
    max_tokens: int = 64
    """Texts are truncated to this many tokens, special ones aside."""


@dataclass(frozen=True)
class PartyPlan:
    """What one private party holds. ``items`` are in session order; nothing here is known to a curious party
    except ``settings`` and ``public_texts``."""

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
    ``local_only`` whose parties are told so in their settings."""
    knockout: Literal["sessions", "rows"] = "sessions"
    """What the knock-out control swaps: messages between sessions, or (in rounds) the rows of every message."""


@dataclass(frozen=True)
class Step:
    """One line of a protocol's drawing: who sends whom what or, without a receiver, what somebody does alone."""

    sender: str
    """A role: ``clients``, ``server``, ``edges``, ``reader``, ..."""
    says: str
    receiver: str = ""
    kind: str = ""
    """Name of the message's kind."""
    when: str = ""
    """What repeats it, such as ``each round``; steps in a row with the same words repeat together."""


@dataclass(frozen=True)
class Scenario:
    """A scenario plugin: its name, its assumptions, and the functions that build its deployments."""

    name: str
    summary: str
    threat_model: str
    source: str
    coalitions: Mapping[str, str]
    """Coalition name -> what it sees."""
    secrets: Mapping[str, str]
    """Secret name -> what it is."""
    settings: type[Settings]
    """Schema of what a suite entry may set."""
    build: Callable[[Any, tuple[str | int, ...]], Deployment]
    """(Settings, seed axes) -> deployment; :class:`harness.errors.SuiteError` lists all problems."""
    small: Callable[[str], Deployment]
    """A deployment on a tiny random model written to the given folder, for contract checks: no findings."""
    steps: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    """Variant of the protocol -> its steps, for readers; tests hold them against what is really sent."""
    steps_by: str = ""
    """The setting whose value is the variant."""

    def deployment(self, entry: str, raw: Mapping[str, Any], axes: tuple[str | int, ...]) -> Deployment:
        """Deployment of a suite entry.

        Args:
            entry: name of the entry, for messages.
            raw: its settings as written in the suite.
            axes: what all random draws of the deployment are seeded with.

        Raises:
            SuiteError: every problem of the settings at once.
        """
        return self.build(self.settings.read(entry, raw), axes)
