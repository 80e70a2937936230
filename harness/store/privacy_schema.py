"""What is stored about privacy mechanisms and claims; part of :mod:`harness.store.schema`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["LedgerEntry", "Stored", "Verdict"]


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
    """What became of a differential-privacy claim in one run."""

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
