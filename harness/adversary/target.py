"""What a coalition sees of a protocol in rounds: a transcript, its own states, candidates and shadow runs.

The same eyes look at the live run (target 0) and, when a shadow is the target in turn, at that shadow; the remaining
shadows are then what the attacker has to learn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from harness.adversary.shadows import ShadowBank, own_of, sightings
from harness.attack import Candidate, SeenMessage, Shadow
from harness.data.record import Item, Record, content_id
from harness.errors import SuiteError
from harness.scenario.deployment import Deployment
from harness.wire.coalition import Coalition
from harness.wire.log import WireLog

__all__ = ["TargetView"]


@dataclass(frozen=True)
class TargetView:
    """One coalition's view of one target."""

    deployment: Deployment
    coalition: Coalition
    log: WireLog
    kept: WireLog
    bank: ShadowBank | None
    adaptive: bool
    target: int = 0

    def aimed(self, target: int) -> TargetView:
        """The same eyes on another target."""
        return replace(self, target=target)

    @property
    def transcript(self) -> Sequence[SeenMessage]:
        """Every message of the target that the coalition saw."""
        return self._shadow_target().transcript if self.target else sightings(self.log, self.coalition)

    @property
    def own(self) -> Mapping[str, Any]:
        """What the coalition has besides messages in the target."""
        return self._shadow_target().own if self.target else own_of(self.kept, self.coalition, self.deployment)

    @property
    def candidates(self) -> Sequence[Candidate]:
        """The same in every target."""
        return self.deployment.candidates

    @property
    def auxiliary(self) -> tuple[Record, ...]:
        """The attacker's own records. Where a shadow is the target, without those that were drawn into its parties: of
        a live target's records the attacker has none either."""
        known = self.deployment.public.auxiliary
        if not self.target or self.bank is None:
            return known
        secret = self.bank.texts(self.target - 1, self.coalition)
        return tuple(record for record in known if content_id(record.text) not in secret)

    def shadows(self, n: int | None = None) -> Sequence[Shadow]:
        """Shadow runs other than the target. An oblivious attacker's are without the defense, and never drawn like
        the target: the undefended twin of a target would hold its secrets."""
        if self.bank is None:
            return ()
        others = [i for i in range(self.bank.budget) if i != self.target - 1]
        return [self.bank.shadow(i, self.coalition, defended=self.adaptive) for i in others[:n]]

    def others(self, candidate: str) -> Mapping[str, tuple[Item, ...]]:
        """Party -> its records in the target, without any copy of the candidate in its own party.

        Raises:
            SuiteError: no candidate of that id.
        """
        asked = next((one for one in self.candidates if one.id == candidate), None)
        if asked is None:
            raise SuiteError(f"view.others: there is no candidate {candidate!r}; ask about one of view.candidates")
        rest = tuple(record for record in self._held[asked.party] if record.text != asked.text)
        return {**self._held, asked.party: rest}

    @cached_property
    def _held(self) -> Mapping[str, tuple[Item, ...]]:
        """Party -> its records in the target. Their own ids count: a gap would show where a candidate was."""
        held = {name: plan.records for name, plan in self._target.parties.items()}
        return {name: tuple(replace(r, id=content_id(r.text)) for r in records) for name, records in held.items()}

    @property
    def _target(self) -> Deployment:
        if not self.target:
            return self.deployment
        return self._bank.drawn(self.target - 1)

    def members(self) -> Mapping[str, bool]:
        """The truth about the target, for scoring; only of shadows."""
        return self._shadow_target().members

    def _shadow_target(self) -> Shadow:
        return self._bank.shadow(self.target - 1, self.coalition, defended=True)

    @property
    def _bank(self) -> ShadowBank:
        if self.bank is None:
            raise SuiteError(f"target {self.target} is a shadow, and this run has none")
        return self.bank
