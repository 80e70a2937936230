"""The defense at an attacker's service: a worker of its own, set up on the attacker's data, sends what it is given.

The worker has the isolation and the parameters of the live run, and as many inputs and records; all of them are the
attacker's. What comes back is a function of the run, the batch and nothing else, so that attacks can be repeated.
"""

from __future__ import annotations

import contextlib
import tempfile
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path

from harness.data.record import Item
from harness.errors import CodecError, DefenseError, SuiteError
from harness.plugins.submission import Submission
from harness.protocol.transport import Transport
from harness.runtime.defend_requests import join, split
from harness.runtime.execution import Execution
from harness.runtime.isolation import launch
from harness.runtime.runner import Runner
from harness.runtime.worker_spec import worker_spec
from harness.scenario.deployment import Deployment, PartyPlan
from harness.util.seeds import derive
from harness.wire.log import WireLog
from harness.wire.message import Message

__all__ = ["DEFEND_BUDGET", "DefenseBank", "History", "history_of", "no_defense"]

DEFEND_BUDGET = 1 << 22
"""Rows (vectors of the last dimension; for texts, whitespace words) that a run's attacks may have defended in all."""
BATCH = 1 << 21
"""Numbers in one batch, at most (unless one message has more): 8 MiB are fastest."""

History = Sequence[tuple[tuple[int, int, int], Mapping[str, Sequence[int]]]]
"""Places of the live run's messages in order, with the shapes of their fields."""


@dataclass
class DefenseBank:
    """The defense of one run, for all its attacks."""

    runner: Runner
    deployment: Deployment
    submission: Submission | None
    point: int
    run_key: str
    budget: int = DEFEND_BUDGET
    _spent: int = 0
    _transport: Transport | None = None
    _ending: Callable[[], object] | None = None
    _prepared: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    """Parties whose history the worker has."""

    def defend(
        self, messages: Sequence[Message], party: str, repeats: int = 1, history: Callable[[], History] = tuple
    ) -> list[Message]:
        """Messages that the defense of ``party`` sends for the given ones, ``repeats`` times over.

        Raises:
            SuiteError: the budget is spent, or the messages differ in kind or fields.
            DefenseError: the defense fails on one of them.
        """
        self._spend(repeats * sum(map(_rows, messages)))
        if self.submission is None or not messages:
            return [*messages] * repeats
        answers = [(len(batch), self._ask(batch, party, repeats, history)) for batch in _batches(messages)]
        return [m for again in range(repeats) for size, sent in answers for m in sent[again * size :][:size]]

    def prepare(self, texts: Sequence[str], party: str) -> list[str]:
        """Each text as the defense's ``prepare`` leaves it, among as many others as the party has inputs."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._prepared]
        self._spend(sum(len(text.split()) for text in missing))
        if self.submission is None:
            return list(texts)
        size = max(1, len(self.deployment.parties[party].items))
        seed = derive("prepare", self.run_key, salt=self.runner.salt)
        for start in range(0, len(missing), size):
            some = missing[start : start + size]
            filled = list(islice(cycle([*some, *self._own_texts()]), size)) if len(some) < size else some
            after = self._open().prepare(party, filled, seed)
            self._prepared |= dict(zip(some, after, strict=False))
        return [self._prepared[text] for text in texts]

    def close(self) -> None:
        """End the worker."""
        if self._ending is not None:
            self._ending()
        self._transport = self._ending = None
        self._told.clear()

    def _spend(self, rows: int) -> None:
        if self._spent + rows > self.budget:
            raise SuiteError(
                f"defending {rows} rows exceeds what is left of the budget of {self.budget} rows; "
                "raise entitlement.defend_budget or ask for fewer"
            )
        self._spent += rows

    def _ask(self, batch: Sequence[Message], party: str, repeats: int, history: Callable[[], History]) -> list[Message]:
        try:
            head, pieces = join(batch)
        except CodecError as error:
            raise SuiteError(f"view.defend: {error}") from error
        # A plain number, as all seeds that a worker gets: nothing there says what it is for.
        import xxhash

        # A seed must follow from the content; nobody gains by two contents of the same one.
        digest = xxhash.xxh3_128()
        for piece in pieces:
            digest.update(piece)
        seed = derive("defend", self.run_key, digest.hexdigest(), repeats, salt=self.runner.salt)
        head |= {"seed": seed, "repeats": repeats, "history": [] if party in self._told else history()}
        answer, out = self._open().defend(party, head, pieces)
        self._told.add(party)
        try:
            sent = split(answer, out)
        except CodecError as error:
            raise DefenseError(f"the worker's answer to view.defend: {error}") from error
        if len(sent) != repeats * len(batch):
            raise DefenseError(f"the worker defended {len(sent)} messages, {repeats * len(batch)} were asked for")
        return sent

    def _open(self) -> Transport:
        if self._transport is None:
            task = Execution(self.submission, self.point, noise=("defend", self.run_key))
            parties = {name: self._on_own_data(plan) for name, plan in self.deployment.parties.items()}
            deployment = replace(self.deployment, parties=parties, candidates=())
            # Kept as long as the worker: prepare() makes a new defense of the submission's copy there each time.
            scratch = self.runner.scratch()
            try:
                spec = worker_spec(deployment, task, self.runner.threads, self.runner.salt, Path(scratch.name))
                transport = launch(self.runner.isolation, spec, self.runner.fork_server, self.runner.limits)
            except BaseException:
                scratch.cleanup()
                raise
            self._ending = weakref.finalize(self, _end, transport, scratch)
            self._transport = transport
        return self._transport

    def _own_texts(self) -> list[str]:
        return [record.text for record in self.deployment.public.auxiliary] or ["-"]

    def _on_own_data(self, plan: PartyPlan) -> PartyPlan:
        """As many inputs and records as the party has, made of the attacker's."""
        items = tuple(Item(f"r{i}", text) for i, text in enumerate(islice(cycle(self._own_texts()), len(plan.items))))
        own = self.deployment.public.auxiliary
        labelled = [record for record in own if record.label is not None] or own
        records = tuple(Item(one.id, r.text, r.label) for one, r in zip(plan.records, cycle(labelled), strict=False))
        return replace(plan, items=items, records=records)


def history_of(log: WireLog, party: str) -> History:
    """Places and shapes of everything that ``party`` sent, in order; of a list of numbers (the rows of each text) the
    numbers."""
    sent = [entry.message() for entry in log.entries if entry.sender == party]
    return [((m.session, m.step, m.round), _shapes(m)) for m in sent]


def _shapes(message: Message) -> dict[str, list[int]]:
    lists = {k: v for k, v in message.payload.items() if isinstance(v, list) and all(isinstance(x, int) for x in v)}
    shapes: dict[str, list[int]] = {k: list(v.shape) for k, v in message.tensors().items()}
    return {**shapes, **{k: [int(x) for x in v] for k, v in lists.items()}}


def no_defense(what: str) -> SuiteError:
    """The error of an oblivious attack that asks for the defense."""
    return SuiteError(f"{what}: an oblivious attacker does not know the defense; ask only where view.adaptive is True")


def _batches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    batch: list[Message] = []
    size = 0
    for message in messages:
        numbers = sum(value.numel() for value in message.tensors().values())
        if batch and size + numbers > BATCH:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += numbers
    if batch:
        yield batch


def _rows(message: Message) -> int:
    return sum(
        max(1, value.numel() // max(1, value.shape[-1] if value.dim() else 1)) for value in message.tensors().values()
    )


def _end(transport: Transport, scratch: tempfile.TemporaryDirectory[str]) -> None:
    """Close a worker whose bank is gone, and remove its files; the fork server may be gone, too."""
    with contextlib.suppress(Exception):
        transport.close()
    scratch.cleanup()
