"""What a scenario plugin is, and the deployment it builds for one suite entry and seed.

A scenario file holds two short functions, the private party's generator and the curious party's
straight-line function, and a ``build`` that lays out who holds what. Everything in a deployment derives
from (suite, entry, seed) and never from the submission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.attack import Public
    from harness.defense import Item
    from harness.net import Net
    from harness.secret import Secret
    from harness.utility import UtilityTask

__all__ = ["Deployment", "PartRef", "PartyPlan", "Scenario"]


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
class PartyPlan:
    """What one private party holds. ``items`` are in session order; nothing here is known to a curious party
    except ``settings`` and ``public_texts``."""

    items: tuple[Item, ...]
    parts: Mapping[str, PartRef]
    settings: Mapping[str, Any]
    public_texts: tuple[str, ...]
    seed: tuple[str | int, ...]
    """Axes of its defense's generator, before the operating point is added."""


@dataclass(frozen=True)
class Deployment:
    """One concrete system: parties, model parts, data, secrets, utility, and what everyone knows."""

    function: str
    """``module:name`` of the private party's generator function, importable in the worker."""
    curious: Callable[[Net], None]
    parties: Mapping[str, PartyPlan]
    curious_parts: Mapping[str, PartRef]
    local_parts: Mapping[str, PartRef]
    """What stands in for ``curious_parts`` when the curious party is absent: the local-only reference."""
    public: Public
    secrets: Mapping[str, Secret]
    tasks: tuple[UtilityTask, ...]
    known: Mapping[str, str]
    """Item id -> text of the (plain, message) pairs an attacker may hold: sessions of the live run, never scored."""
    model_id: str
    """Content hash of the model, for run keys."""
    data_id: str
    """Content hash of all private records, for run keys."""
    entitlement: Mapping[str, Any] = field(default_factory=dict)
    """What the adversary is given; stored with every run."""


@dataclass(frozen=True)
class Scenario:
    """A scenario plugin: how it is called, what it assumes, and how to build one deployment of it."""

    name: str
    summary: str
    threat_model: str
    source: str
    coalitions: Mapping[str, str]
    """Coalition name -> what it sees."""
    secrets: Mapping[str, str]
    """Secret name -> what it is."""
    settings: Mapping[str, str]
    """Setting of a suite entry -> what it means and its default."""
    build: Callable[[str, dict[str, Any], tuple[str | int, ...]], Deployment]
    """Deployment of (entry name, its settings, seed axes); :class:`harness.errors.SuiteError` lists all problems."""
    small: Callable[[str], Deployment]
    """A deployment on a tiny random model written to the given folder, for contract checks: no findings."""
