"""Suites: immutable, versioned lists of scenario entries with their attacks, seeds and entitlements."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.errors import ManifestError
from harness.plugins import registry
from harness.plugins.documents import Document, parse, read_toml
from harness.plugins.identity import UNDEFENDED_NAME
from harness.util.keys import canonical

__all__ = ["AttackSpec", "Control", "Entry", "Suite", "load_suite", "quick_suite"]

Variant = Literal["oblivious", "adaptive"]

_NAME = r"^[a-z][a-z0-9_-]*$"


class Control(Document):
    """Control of an attack: the known value of its strongest variant on the undefended system, from one side.

    The strongest variant has the largest value of the metric, or the smallest one where lower is better
    (:mod:`harness.assessment.measures`). An attack must be at least as good as it is known to be (``auc`` with
    ``at_least``, ``tv`` with ``at_most``), or no better where there is nothing to find (``auc`` with ``at_most``, which
    no variant may exceed). Where the bound is missed every cell of the attack in this entry is void.
    """

    metric: str
    """A metric of the attack's secret (``balanced_accuracy`` for attributes)."""
    at_least: float | None = Field(None, gt=0, le=1)
    """Lower bound of the known value."""
    at_most: float | None = Field(None, ge=0, le=1)
    """Upper bound of the known value."""

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        given = [name for name in ("at_least", "at_most") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of at_least and at_most, not {' and '.join(given) or 'neither'}")
        return self


class AttackSpec(Document):
    """One attack of an entry."""

    name: str = Field(min_length=1)
    """Name of the attack in the registry."""
    variants: tuple[Variant, ...] = Field(("oblivious", "adaptive"), min_length=1)
    """Which variants are run."""
    secret: str = "text"
    """The secret it aims at."""
    coalition: str = "server"
    """Who attacks, by its name in the scenario."""
    behaviour: str = "honest"
    """What an active attacker's curious party does; such an attack gets a run of its own."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the attack's constructor."""
    control: Control | None = None
    """Its control, if it has one in this entry."""

    @field_validator("variants")
    @classmethod
    def _distinct(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        if len(set(variants)) < len(variants):
            raise ValueError("a variant is listed twice")
        return variants

    def key_part(self) -> dict[str, Any]:
        """The part of this attack that its cells depend on, besides the variant and the attack's source."""
        who = {"coalition": self.coalition} if self.coalition != "server" else {}
        return {"name": self.name, "secret": self.secret, "parameters": self.parameters, **who}


class Entry(Document):
    """One scenario with fixed settings: the unit within which numbers compare."""

    name: str = Field(pattern=_NAME)
    """Name within the suite."""
    scenario: str = Field(min_length=1)
    """Name of the scenario in the registry."""
    seeds: tuple[int, ...] = Field(min_length=1)
    """Seed indices; each is a run of its own."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of the scenario, validated by it."""
    entitlement: dict[str, Any] = Field(default_factory=dict)
    """What the adversary is given."""
    attacks: tuple[AttackSpec, ...] = ()
    """The attacks that are run."""

    @field_validator("seeds")
    @classmethod
    def _valid_seeds(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds) or min(seeds) < 0:
            raise ValueError("seeds must be distinct and not negative")
        return seeds

    @field_validator("attacks")
    @classmethod
    def _distinct_attacks(cls, attacks: tuple[AttackSpec, ...]) -> tuple[AttackSpec, ...]:
        parts = [canonical(attack.key_part()) for attack in attacks]
        if repeated := {attack.name for attack, part in zip(attacks, parts, strict=True) if parts.count(part) > 1}:
            raise ValueError(f"listed twice with the same secret and parameters: {', '.join(sorted(repeated))}")
        return attacks

    def key_part(self) -> dict[str, Any]:
        """The part of this entry that its runs depend on, besides the seed; its attacks are keyed by their own part."""
        wanted = ("name", "scenario", "settings", "entitlement")
        return {name: getattr(self, name) for name in wanted}


class Suite(Document):
    """A suite file."""

    name: str = Field(pattern=_NAME)
    """Name of the suite and of its file."""
    version: int = Field(ge=1)
    """Raised with every change that can change a number; the old file stays."""
    title: str = Field(min_length=1)
    """One line for tables."""
    summary: str = ""
    """What it measures and for whom."""
    indicative: bool = False
    """Whether its ranks are indicative only."""
    scenario_set: str = ""
    """Name of the fixed scenario set whose overall score it feeds; empty: none."""
    negative_controls: tuple[str, ...] = ()
    """Submissions that send noise of the right shape, on which no attack may beat its blind guess; they never rank."""
    one_draw: bool = False
    """Whether all scenarios draw their data from one seed, so that with the same data, sizes and candidates they hold
    the same records."""
    threads: int = Field(2, ge=1)
    """Computation threads that are pinned while it runs, as sums depend on their number."""
    entries: tuple[Entry, ...] = Field(min_length=1)
    """The scenario entries."""

    @field_validator("negative_controls")
    @classmethod
    def _valid_controls(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names) or UNDEFENDED_NAME in names:
            raise ValueError(f"names must be distinct, and {UNDEFENDED_NAME!r} is no negative control")
        return names

    @field_validator("entries")
    @classmethod
    def _distinct_entries(cls, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        if len({entry.name for entry in entries}) < len(entries):
            raise ValueError("two entries have the same name")
        return entries

    @property
    def label(self) -> str:
        """``name@version``, as records store it."""
        return f"{self.name}@{self.version}"


def quick_suite(scenarios: Collection[str]) -> str:
    """The suite of ``quick`` and all ``...-quick`` that runs the first of ``scenarios`` that any of them runs; else
    ``quick``.
    """
    names = sorted((n for n in registry.suites() if n == "quick" or n.endswith("-quick")), key=lambda n: (len(n), n))
    runs = {name: {entry.scenario for entry in load_suite(name).entries} for name in names}
    return next((name for wanted in scenarios for name in names if wanted in runs[name]), "quick")


def load_suite(name_or_path: str | Path) -> Suite:
    """A suite by name from the registry, or from a path that ends in ``.toml``.

    Raises:
        UnknownName: no suite of that name.
        ManifestError: with every problem of the file.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = registry.suite_file(str(name_or_path))
    document = read_toml(path)
    suite, problems = parse(Suite, document)
    if document.get("name", path.stem) != path.stem:
        problems.append(f"name: must be the name of the file, {path.stem!r} (got {document['name']!r})")
    if suite is None or problems:
        raise ManifestError(str(path), problems)
    return suite
