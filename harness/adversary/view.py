"""A coalition's view of one target: what :class:`harness.attack.View` promises.

A target is the live run (0) or, when a shadow is the target in turn, that shadow; the remaining shadows are then what
the attacker has to learn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.adversary.defend import history_of, no_defense
from harness.adversary.sessions import RunSessions
from harness.adversary.shadows import ShadowBank, own_of, seen_messages
from harness.adversary.simulation import SimulationBank
from harness.adversary.training_sessions import TrainingSessions
from harness.attack import Candidate, DefenseCard, Public, SeenMessage, Shadow
from harness.data.record import Item, Record, content_id
from harness.errors import SuiteError
from harness.models.embeddings import embed
from harness.models.refs import Encoder
from harness.scenario.deployment import Deployment
from harness.wire.coalition import Coalition
from harness.wire.facts import FinetuneFacts, SplitFacts
from harness.wire.log import WireLog
from harness.wire.message import Kind, Message

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["TargetView"]


@dataclass
class TargetView:
    """One target as the coalition sees it, in one variant of one attack."""

    deployment: Deployment
    coalition: Coalition
    log: WireLog
    """Wire log of the live run."""
    own_log: WireLog
    """Values that parties of the live run kept beside their messages."""
    defense: DefenseCard
    adaptive: bool
    rng: torch.Generator
    simulations: SimulationBank
    shadow_bank: ShadowBank | None = None
    secret_items: frozenset[str] = frozenset()
    """Item ids that hold the secret this attack aims at."""
    informed: bool = False
    """True where the attack declares that it knows all records but the one in question."""
    target: int = 0
    """0: the live run; i: shadow i - 1."""
    device: str = "cpu"

    def as_target(self, target: int, rng: torch.Generator) -> TargetView:
        """The view of another target, with fresh randomness."""
        return replace(self, target=target, rng=rng)

    @cached_property
    def public(self) -> Public:
        """Everything that everybody knows. Where a shadow is the target, the attacker's records are those that were
        not drawn into its parties: of a live target's records the attacker has none either."""
        public = self.deployment.public
        if not self.target or self.shadow_bank is None:
            return public
        secret = self.shadow_bank.texts(self.target - 1, self.coalition)
        unknown: tuple[Record, ...] = tuple(r for r in public.auxiliary if content_id(r.text) not in secret)
        return replace(public, auxiliary=unknown)

    @cached_property
    def sessions(self) -> RunSessions:
        """Sessions of the live run; see :attr:`harness.attack.View.sessions`."""
        facts = self.deployment.public.need(SplitFacts)
        kind = TrainingSessions if isinstance(facts, FinetuneFacts) else RunSessions
        return kind(facts, self.deployment, self.log, self.simulations, self.adaptive, self.secret_items)

    @property
    def transcript(self) -> Sequence[SeenMessage]:
        """Every message of the target that the coalition saw."""
        return self._shadow_target().transcript if self.target else seen_messages(self.log, self.coalition)

    def messages(self, kind: Kind | None = None) -> list[Message]:
        """The messages of the transcript, all or those of one kind."""
        return [s.message for s in self.transcript if kind is None or s.message.kind is kind]

    @property
    def own(self) -> Mapping[str, Any]:
        """Values that the coalition has besides messages in the target."""
        return self._shadow_target().own if self.target else own_of(self.own_log, self.coalition, self.deployment)

    @property
    def candidates(self) -> Sequence[Candidate]:
        """The same in every target."""
        return self.deployment.candidates

    def shadows(self, n: int | None = None) -> Sequence[Shadow]:
        """Shadow runs other than the target. An oblivious attacker's are without the defense, and never drawn like
        the target: the undefended copy of a target would hold its secrets.

        An informed attack has none: bounds on epsilon take its targets for independent trials, and a target's members,
        which it is asked about there, would be known here.
        """
        if self.informed:
            raise SuiteError("view.shadows: an informed attack knows all other records; it has no shadow runs")
        if self.shadow_bank is None:
            return ()
        others = [i for i in range(self.shadow_bank.plan.budget) if i != self.target - 1]
        return [self.shadow_bank.shadow(i, self.coalition, defended=self.adaptive) for i in others[:n]]

    def others(self, candidate: str) -> Mapping[str, Sequence[Item]]:
        """Party -> its records in the target, without any copy of the candidate in its own party.

        Raises:
            SuiteError: the attack is not informed, or there is no candidate of that id.
        """
        if not self.informed:
            raise SuiteError(
                "view.others: no coalition knows all records but one; an attack that supposes it declares informed "
                "= True, and is then never ranked"
            )
        asked = next((one for one in self.candidates if one.id == candidate), None)
        if asked is None:
            raise SuiteError(f"view.others: there is no candidate {candidate!r}; ask about one of view.candidates")
        rest = tuple(record for record in self._held[asked.party] if record.text != asked.text)
        return {**self._held, asked.party: rest}

    def defend(self, messages: Sequence[Message], *, repeats: int = 1, party: str | None = None) -> list[Message]:
        """Messages of the attacker's own through the defense; see :meth:`harness.attack.View.defend`."""
        if not self.adaptive:
            raise no_defense("view.defend")
        party = party or next(iter(self.deployment.parties))
        bank, history = self.simulations.defenses, lambda: history_of(self.log, party)
        return bank.defend(messages, party, repeats, history)

    def prepare(self, texts: Sequence[str], *, party: str | None = None) -> list[str]:
        """Texts of the attacker's own as the defense rewrites them; see :meth:`harness.attack.View.prepare`."""
        if not self.adaptive:
            raise no_defense("view.prepare")
        return self.simulations.defenses.prepare(texts, party or next(iter(self.deployment.parties)))

    def embed(self, texts: Sequence[str], encoder: Encoder | None = None) -> Tensor:
        """Embeddings [n, d] by a public encoder, the deployment's by default."""
        encoder = encoder or self.deployment.encoder
        if encoder is None:
            raise SuiteError("view.embed: this deployment has no encoder, and none was named")
        return embed(encoder, texts)

    def members(self) -> Mapping[str, bool]:
        """The truth about the target, for scoring; only of shadows."""
        return self._shadow_target().members

    @cached_property
    def _held(self) -> Mapping[str, tuple[Item, ...]]:
        """Party -> its records in the target. Their own ids count: a gap would show where a candidate was."""
        drawn = self._shadow_bank.drawn(self.target - 1) if self.target else self.deployment
        held = {name: plan.records for name, plan in drawn.parties.items()}
        return {name: tuple(replace(r, id=content_id(r.text)) for r in records) for name, records in held.items()}

    def _shadow_target(self) -> Shadow:
        return self._shadow_bank.shadow(self.target - 1, self.coalition, defended=True)

    @property
    def _shadow_bank(self) -> ShadowBank:
        if self.shadow_bank is None:
            raise SuiteError(f"target {self.target} is a shadow, and this run has none")
        return self.shadow_bank
