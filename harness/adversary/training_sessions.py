"""Training records of split fine-tuning, read as sessions: what the private party sent of each text when it first came.

Attacks on texts of split inference work on them as they are. In the first rounds the private blocks are nearly the
public ones, so states of the public weights on an attacker's own texts, through the defense, are what was sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness.adversary.defend import history_of, no_defense
from harness.adversary.sessions import RunSessions
from harness.adversary.simulation import only_party
from harness.attack import Observation
from harness.errors import SuiteError
from harness.wire.coalition import SERVER
from harness.wire.facts import FinetuneFacts
from harness.wire.message import Kind, Message

__all__ = ["TrainingSessions"]


@dataclass(frozen=True)
class TrainingSessions(RunSessions):
    """The training records of one live run, in one variant of one attack."""

    def observations(self) -> list[Observation]:
        """States of every record that holds the secret, of the round in which it first came."""
        facts, seen = self._facts, dict[str, Observation]()
        for entry in self.log.seen_by({SERVER}):
            message = entry.message()
            if entry.receiver != SERVER or message.kind is not Kind.HIDDEN or message.round >= len(facts.batches):
                continue
            texts = torch.split(message["hidden"].to(torch.float32), message["lengths"])
            for record, states in zip(facts.batches[message.round], texts, strict=True):
                seen.setdefault(record, Observation(record, states, None, None, len(states)))
        return [observation for record, observation in seen.items() if record in self.secret_items]

    def known_pairs(self) -> list[Observation]:
        """None: hints are labels, not texts."""
        return []

    def simulate(self, texts: Sequence[str], *, repeats: int = 1) -> list[Observation]:
        """The first round on the attacker's texts: states of the public weights, in an adaptive view through the
        defense. Nothing is trained, so nothing of a victim's training enters."""
        prepared = self._prepared(texts)
        plain = [self._undefended(f"r{i}", text) for i, text in enumerate(prepared)]
        if not self.adaptive:
            return plain * repeats
        sent = self.defend([one.states for one in plain], repeats=repeats)
        return [replace(one, states=states) for one, states in zip(plain * repeats, sent, strict=True)]

    def defend(self, states: Sequence[Tensor], *, repeats: int = 1, records: Sequence[str] = ()) -> list[Tensor]:
        """``states`` through the defense, as many texts in a message as a batch of the first round has.

        Raises:
            SuiteError: the view is oblivious, or texts are pooled.
        """
        if not self.adaptive:
            raise no_defense("sessions.defend")
        if any(one.dim() != 2 for one in states):
            raise SuiteError("sessions.defend: fine-tuning sends the states of every token, [T, d] of a text")
        size, party = len(self._facts.batches[0]), only_party(self.deployment)
        groups = [states[start : start + size] for start in range(0, len(states), size)]
        messages = [
            Message(Kind.HIDDEN, {"hidden": torch.cat(list(group)), "lengths": [len(one) for one in group]})
            for group in groups
        ]
        sent = self.bank.defenses.defend(messages, party, repeats, lambda: history_of(self.log, party))
        shapes = [[len(one) for one in group] for group in groups] * repeats
        split = [torch.split(m["hidden"].to(torch.float32), lengths) for m, lengths in zip(sent, shapes, strict=True)]
        return [text for texts in split for text in texts]

    @property
    def _facts(self) -> FinetuneFacts:
        return self.deployment.public.need(FinetuneFacts)
