"""The plugin interface of defenses: one instance per private party; override only what you need.

Every hook defaults to doing nothing, so ``Defense`` itself is the undefended system. The harness sets
:attr:`Defense.me` before any hook runs. Draw randomness from ``self.me.generator`` only: it makes runs
reproducible. Noise drawn through ``self.me.gaussian`` or ``self.me.laplace`` is executed by the harness
and written to the ledger, so that its law is known exactly; noise made elsewhere is fitted and audited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.data.record import Item
from harness.dp.mechanisms import DPSGD

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.dp.mechanisms import Mechanisms
    from harness.wire.message import Message

__all__ = ["Defense", "PublicSide"]


@dataclass(frozen=True)
class PublicSide:
    """Public things that a defense may use in :meth:`Defense.setup` besides its party's own data."""

    texts: tuple[str, ...]
    """Public texts of the same kind as the private ones, disjoint from them."""
    settings: Mapping[str, Any]
    """The scenario's public settings."""
    parts: Mapping[str, Any]
    """The party's own model parts by role (:class:`harness.models.Part`), shared with the protocol."""
    tokenizer: Any
    """The public tokenizer; None where the scenario has none."""
    embed: Callable[[Sequence[str]], Tensor] | None = None
    """The party's public text encoder, texts -> [n, d]; None where the scenario has none."""


class Defense:
    """Base of every submission, and the undefended system itself."""

    me: Mechanisms
    """This party's generator and declared mechanisms; set by the harness before :meth:`prepare`."""

    def prepare(self, records: Sequence[Item], settings: dict[str, Any]) -> Sequence[Item]:
        """Rewrite the party's own texts and training labels (same ids, same order) and the settings it may choose.

        ``records`` are the inputs to answer (no label), then the training records. Leakage is scored against the
        originals. ``settings`` are a copy; of changes in it only those to the scenario's knobs are allowed (fewer
        epochs, larger batches, a smaller learning rate), and any other ends the run. Runs once, before :meth:`setup`.
        """
        return records

    def setup(self, records: Sequence[Item], public: PublicSide) -> None:
        """Once per deployment: train modules, build tables, draw secret state. Charged as setup cost."""

    def modules(self) -> Iterable[nn.Module]:
        """Modules that enter the gradient path and the party's optimiser in training scenarios."""
        return ()

    def objective(self, activations: Tensor, batch: Any) -> Tensor | None:
        """An extra loss term of local training, or None.

        ``activations`` are what the scenario names as such (embeddings or logits of the batch, with their graph).
        """
        return None

    def dp(self) -> DPSGD | None:
        """Settings of differentially private local training, or None. Executed and accounted for by the harness."""
        return None

    def send(self, message: Message) -> Message:
        """The message that really leaves instead of ``message``: every message, every forward, every round.

        Tensors are live (they carry gradients in training scenarios). The kind, the field names and the
        shapes must stay; see :mod:`harness.protocol.contract`. Keep what the answer needs in ``message.state``
        (``dataclasses.replace(message, state=...)``).
        """
        return message

    def receive(self, message: Message) -> Message:
        """The message that the party works with instead of ``message``; ``message.answers`` is its own question."""
        return message
