"""Sessions of a run of split inference: what :class:`harness.attack.Sessions` promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.adversary.defend import history_of, no_defense
from harness.adversary.observations import prompt_ids, stitched, text_ids, with_ids
from harness.adversary.simulation import SimulationBank, only_party
from harness.attack import Observation
from harness.models import Part
from harness.models.split import public_part
from harness.scenario.deployment import Deployment
from harness.wire.coalition import SERVER
from harness.wire.facts import SplitFacts
from harness.wire.log import WireLog
from harness.wire.message import Kind, Message

__all__ = ["RunSessions"]


@dataclass(frozen=True)
class RunSessions:
    """The sessions of one live run, in one variant of one attack."""

    facts: SplitFacts
    deployment: Deployment
    log: WireLog
    bank: SimulationBank
    adaptive: bool
    secret_items: frozenset[str]
    """Item ids that hold the secret this attack aims at."""

    def observations(self) -> list[Observation]:
        """Sessions of the private party that hold secrets."""
        return [o for o in self._live() if o.record in self.secret_items]

    def known_pairs(self) -> list[Observation]:
        """Known sessions with their plain states, recomputed from the public weights."""
        texts = self.deployment.known
        live = [o for o in self._live() if o.record in texts]
        prepared = self._prepared([texts[o.record] for o in live])
        known = [with_ids(o, self.facts, text) for o, text in zip(live, prepared, strict=True)]
        return [self._with_plain(observation) for observation in known]

    def simulate(self, texts: Sequence[str], *, repeats: int = 1) -> list[Observation]:
        """Fresh runs on the attacker's texts; without a defense in an oblivious view."""
        if self.adaptive and self.bank.submission is not None:
            return self.bank.simulate(tuple(texts), repeats)
        plain = [self._undefended(f"r{i}", text) for i, text in enumerate(texts)]
        return plain * repeats

    def defend(self, states: Sequence[Tensor], *, repeats: int = 1, records: Sequence[str] = ()) -> list[Tensor]:
        """``states`` through the defense, each as the message of one session."""
        if not self.adaptive:
            raise no_defense("sessions.defend")
        party = only_party(self.deployment)
        places = {item.id: number for number, item in enumerate(self.deployment.parties[party].items)}
        names = list(records) or [""] * len(states)
        kind, name = (Kind.REPRESENTATION, "representation") if self.facts.pooled else (Kind.HIDDEN, "hidden")
        messages = [Message(kind, {name: s}, places.get(r, 0)) for s, r in zip(states, names, strict=True)]
        sent = self.bank.defenses.defend(messages, party, repeats, lambda: history_of(self.log, party))
        return [message[name].to(torch.float32) for message in sent]

    def _prepared(self, texts: Sequence[str]) -> list[str]:
        """The texts as the live party runs them; an attacker who knows no defense takes them as they are."""
        if not self.adaptive:
            return list(texts)
        return self.bank.defenses.prepare(texts, only_party(self.deployment))

    def part(self, start: int, stop: int | None, *, head: bool = False) -> Part:
        """A part of the public model."""
        return public_part(self.facts.model, start, stop, head)

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a private text as the victim makes them."""
        return text_ids(self.facts, text)

    def _live(self) -> list[Observation]:
        plan = self.deployment.parties[only_party(self.deployment)]
        return stitched(self.log.seen_by({SERVER}), [item.id for item in plan.items], self.facts.pooled)

    def _undefended(self, record: str, text: str) -> Observation:
        ids = torch.tensor(prompt_ids(self.facts, text))
        states = self._plain(ids)
        return Observation(record, states, states, ids, len(ids))

    def _with_plain(self, observation: Observation) -> Observation:
        assert observation.ids is not None
        plain = self._plain(observation.ids)
        return Observation(observation.record, observation.states, plain, observation.ids, observation.prompt_length)

    @torch.no_grad()
    def _plain(self, ids: Tensor) -> Tensor:
        stop = None if self.facts.pooled else self.facts.cut
        states = self.part(0, stop)(ids[None])[0]
        return torch.nn.functional.normalize(states.mean(0), dim=0) if self.facts.pooled else states
