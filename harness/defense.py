"""The plugin interface of defenses: one instance per private party; override only what you need.

Every hook defaults to doing nothing, so ``Defense`` itself is the undefended system. The harness sets
:attr:`Defense.me` before any hook runs. Draw randomness from ``self.me.generator`` only: it makes runs
reproducible. Noise drawn through ``self.me.gaussian`` or ``self.me.laplace`` is executed by the harness
and written to the ledger, so that its law is known exactly; noise made elsewhere is fitted and audited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.mechanisms import Mechanisms
    from harness.message import Message

__all__ = ["Defense", "Item", "PublicSide"]


@dataclass(frozen=True)
class Item:
    """One private input as its party holds it: no labels, no annotations."""

    id: str
    text: str


@dataclass(frozen=True)
class PublicSide:
    """What a defense may use in :meth:`Defense.setup` besides its party's own data."""

    texts: tuple[str, ...]
    """Public texts of the same kind as the private ones, disjoint from them."""
    settings: Mapping[str, Any]
    """The scenario's public settings."""
    parts: Mapping[str, Any]
    """The party's own model parts by role (:class:`harness.models.Part`), shared with the protocol."""
    tokenizer: Any
    """The public tokenizer."""


class Defense:
    """Base of every submission, and the undefended system itself."""

    me: Mechanisms
    """This party's generator and declared mechanisms; set by the harness before :meth:`prepare`."""

    def prepare(self, records: Sequence[Item], settings: dict[str, Any]) -> Sequence[Item]:
        """Rewrite the party's own inputs (same ids, same order) and the settings it may choose.

        Leakage is scored against the original texts. Runs once, before :meth:`setup`.
        """
        return records

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        """Once per deployment: train modules, build tables, draw secret state. Charged as setup cost."""

    def modules(self) -> Iterable[nn.Module]:
        """Modules that enter the gradient path and the party's optimiser in training scenarios."""
        return ()

    def objective(self, activations: Tensor, batch: Any) -> Tensor | None:
        """An extra loss term of local training, or None."""
        return None

    def send(self, message: Message) -> Message:
        """What really leaves instead of ``message``: every message, every forward, every round.

        Tensors are live (they carry gradients in training scenarios). The kind, the field names and the
        shapes must stay; see :mod:`harness.contract`. Keep what the answer needs in ``message.state``
        (``dataclasses.replace(message, state=...)``).
        """
        return message

    def receive(self, message: Message) -> Message:
        """What the party works with instead of the arriving ``message``; ``message.answers`` is its own question."""
        return message
