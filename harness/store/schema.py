"""Stored records, runs and cells, versioned and migratable. They are data only; no file holds code.

A :class:`RunRecord` describes one execution of a protocol, a :class:`CellRecord` one attack on it or one
utility task. Scores are kept per record; advantages and ranks are computed when ranking, never stored.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.errors import StoreError

__all__ = [
    "RESULTS_VERSION",
    "SCHEMA_VERSION",
    "CellRecord",
    "Costs",
    "Environment",
    "LedgerEntry",
    "RunRecord",
    "Score",
    "Verdict",
    "migrate",
]

SCHEMA_VERSION = 1
"""Shape of the stored files; raised with a step in :func:`migrate` when a field changes."""

RESULTS_VERSION = 3
"""Part of every run key: raised when the harness itself changes what a run or a score means."""

Status = Literal["ok", "error", "void", "not_applicable"]
Role = Literal["attack", "blind", "diagnostic", "informed", "utility", "control"]


class Stored(BaseModel):
    """Base of everything that is stored: immutable, no unknown fields, finite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LedgerEntry(Stored):
    """One use of a privacy mechanism that the harness itself executed."""

    mechanism: str
    """``gaussian``, ``laplace``, ..."""
    clip: float | None = None
    """Norm bound applied to each vector before the noise; None: not clipped."""
    scale: float = 0.0
    """Standard deviation (gaussian) or Laplace scale of the noise on each coordinate."""
    uses: int = 1
    """How many vectors were released under it; training steps for ``dpsgd``."""
    party: str = ""
    """The private party that used it."""
    sample_rate: float | None = None
    """Probability with which a record entered each step (``dpsgd``)."""
    kind: str = ""
    """Kind of the messages it was used on."""
    field: str = ""
    """Their field; empty where what was released is no field of a message."""
    ratio_add_remove: float | None = None
    """Sensitivity to adding or removing one record, over the noise scale, per message; None: no bound is known."""
    ratio_replace: float | None = None
    """The same for replacing one record."""
    ratio_vector: float | None = None
    """Twice the clip over the noise scale: the same for one vector, whatever the records."""
    releases: int = 1
    """How often one record is released under it: messages of its session, or training steps."""
    vectors: int = 0
    """How many vectors are released under it with one record."""


class Verdict(Stored):
    """The outcome of a differential-privacy claim in one run."""

    status: Literal["holds", "refuted by accounting", "unverified"]
    """``unverified`` where the ledger does not tell."""
    reason: str
    """In a sentence."""
    claimed: float
    """The claimed epsilon."""
    delta: float
    """The claimed failure probability."""
    unit: str
    """What is protected as one."""
    adjacency: str
    """Which data sets are neighbours."""
    view: str
    """Whose view the claim says it is about."""
    epsilon: float | None = None
    """Recomputed for the view that the server of this run really had; None: unbounded or unknown."""
    epsilon_party: float | None = None
    """Recomputed for whoever sees each party's own messages."""
    epsilon_sum: float | None = None
    """Recomputed for whoever sees only sums over all parties."""


class Costs(Stored):
    """Costs of one run, all private parties together. Zero means none, not unknown."""

    bytes_up: int = 0
    """Encoded bytes of the messages that left the private parties."""
    bytes_down: int = 0
    """Encoded bytes of the messages that reached them."""
    messages_up: int = 0
    """Messages that left the private parties."""
    messages_down: int = 0
    """Messages that reached them."""
    round_trips: int = 0
    """Times a private party had to wait for an answer."""
    private_flops: int = 0
    """Floating-point operations of the private parties' model parts and defense hooks (2 per multiply-add)."""
    curious_flops: int = 0
    """Floating-point operations of the curious parties' model parts."""
    private_peak_bytes: int = 0
    """Peak resident memory of the worker process, measured from outside it; 0 where there is no worker."""
    curious_peak_bytes: int = 0
    """Peak resident memory of the harness process during the run."""
    wall_seconds: float = 0.0
    """Wall time of the protocol, without setup."""
    setup_seconds: float = 0.0
    """Wall time of the defense's ``prepare`` and ``setup``."""
    setup_flops: int = 0
    """Floating-point operations of ``prepare`` and ``setup``."""


class Environment(Stored):
    """Provenance: where and with what a run was made. Never part of a key."""

    leakboard: str
    """Version of this package."""
    commit: str | None = None
    """Git commit of the checkout, with ``+dirty`` when files differ from it."""
    python: str = ""
    """Version of the interpreter."""
    platform: str = ""
    """Operating system and processor architecture."""
    cpu: str = ""
    """Processor model."""
    device: str = "cpu"
    """Where tensors lived."""
    threads: int = 0
    """Pinned number of computation threads."""
    sandbox: str = ""
    """Level of the sandbox, ``bubblewrap`` or ``landlock``; empty where private parties ran outside of one."""
    packages: dict[str, str] = Field(default_factory=dict)
    """Versions of the packages that can change numbers."""
    created: str = ""
    """Start of the run, ISO 8601 in UTC."""


class Score(Stored):
    """One number about one record."""

    record: str
    """Opaque id of the record inside its deployment."""
    metric: str
    """Name of the metric."""
    value: float | None
    """None where the metric is undefined for this record."""


class RunRecord(Stored):
    """One execution of a protocol: suite entry x submission x operating point x seed x behaviour."""

    schema_version: int = SCHEMA_VERSION
    """Shape of this file."""
    key: str
    """Content address: equal keys give equal bytes on one platform."""
    suite: str
    """Name and version of the suite, as ``name@version``."""
    entry: str
    """Name of the suite entry."""
    scenario: str
    """Name of the scenario."""
    submission: str
    """Name of the submission."""
    submission_hash: str
    """Hash of its source tree."""
    point: int
    """Index of the operating point."""
    parameters: dict[str, Any]
    """Parameter values of the operating point."""
    seed: int
    """Seed index; the secrets derive from it and never from the submission."""
    behaviour: str = "honest"
    """What the curious party does: ``honest``, or a control such as ``knockout``."""
    isolation: str = "process"
    """Where the private party ran: ``process``, ``none`` or ``sandbox``."""
    status: Status = "ok"
    """``error`` when the submission broke the contract."""
    reason: str | None = None
    """Readable reason of a status that is not ``ok``."""
    costs: Costs = Field(default_factory=Costs)
    """What the run cost."""
    ledger: tuple[LedgerEntry, ...] = ()
    """Mechanisms the harness executed for the defense."""
    verdict: Verdict | None = None
    """On the submission's privacy claim, where it makes one at this operating point."""
    entitlement: dict[str, Any] = Field(default_factory=dict)
    """What the adversary was given; numbers compare only within equal entitlements."""
    model: str = ""
    """Reference and content hash of the model."""
    data: str = ""
    """Name and content hash of the private records."""
    environment: Environment
    """Where it was made."""


class CellRecord(Stored):
    """One attack on one run, or one utility task: the unit that is computed, committed and resumed."""

    schema_version: int = SCHEMA_VERSION
    """Shape of this file."""
    key: str
    """Content address: run key, attack source and parameters."""
    run_key: str
    """Key of the run it belongs to."""
    suite: str
    """``name@version`` of the suite."""
    entry: str
    """Name of the suite entry."""
    scenario: str
    """Name of the scenario."""
    submission: str
    """Name of the submission."""
    point: int
    """Index of the operating point."""
    seed: int
    """Seed index."""
    behaviour: str = "honest"
    """Behaviour of the run."""
    role: Role
    """What kind of cell this is."""
    name: str
    """Name of the attack or utility task."""
    variant: str = ""
    """``oblivious`` or ``adaptive`` for attacks, empty otherwise."""
    secret: str = ""
    """Which secret an attack aims at."""
    coalition: str = ""
    """Who attacks: a coalition of the scenario; empty for utility tasks."""
    status: Status = "ok"
    """``void`` when a control failed, ``error`` when the submission broke its contract."""
    reason: str | None = None
    """Readable reason of a status that is not ``ok``."""
    scores: tuple[Score, ...] = ()
    """Per-record scores of all metrics."""
    facts: dict[str, Any] = Field(default_factory=dict)
    """Small extra facts, such as the fitted channel of an adaptive attack."""
    seconds: float = 0.0
    """Wall time of the cell."""
    created: str = ""
    """When it was computed, ISO 8601 in UTC; of cells computed more than once the latest counts."""


def migrate(document: dict[str, Any]) -> dict[str, Any]:
    """Bring a stored document of an older schema to :data:`SCHEMA_VERSION`; refuses newer and unknown ones."""
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"document of schema version {version!r}; this leakboard reads up to {SCHEMA_VERSION}: upgrade leakboard"
        )
    return document
