"""The view of a coalition over one finished run: what :class:`harness.attack.View` promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from harness.adversary.shadows import ShadowBank
from harness.adversary.target import TargetView
from harness.attack import Candidate, DefenseCard, Observation, Public, SeenMessage, Shadow
from harness.data.record import Item
from harness.errors import SuiteError
from harness.models import Part
from harness.models.embeddings import embed
from harness.models.refs import Encoder
from harness.models.split import public_part
from harness.models.tokens import load_tokens, tokenizer_folder
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.wire.coalition import SERVER
from harness.wire.log import LoggedFrame
from harness.wire.message import Kind, Message

__all__ = ["Bank", "RunView"]

DEFAULT_BUDGET = 512
_FIELDS = {Kind.HIDDEN: "hidden", Kind.REPRESENTATION: "representation"}


@dataclass
class Bank:
    """Simulations of one run, made once and shared by all its attacks."""

    runner: Runner
    deployment: Deployment
    submission: Submission | None
    point: int
    run_key: str
    budget: int = DEFAULT_BUDGET
    """Texts that may be simulated in all, over every attack on this run."""
    shadows: ShadowBank | None = None
    _made: dict[tuple[tuple[str, ...], int], list[Observation]] = field(default_factory=dict)
    _spent: int = 0

    def simulate(self, texts: tuple[str, ...], repeats: int) -> list[Observation]:
        """Observations of fresh runs on ``texts``; :class:`SuiteError` beyond the budget."""
        if (texts, repeats) not in self._made:
            if self._spent + len(texts) * repeats > self.budget:
                raise SuiteError(
                    f"simulating {len(texts)} texts {repeats} time(s) exceeds what is left of the simulate budget of "
                    f"{self.budget} texts; raise entitlement.simulate_budget or ask for fewer"
                )
            self._spent += len(texts) * repeats
            self._made[texts, repeats] = [o for index in range(repeats) for o in self._run(texts, index)]
        return self._made[texts, repeats]

    def _run(self, texts: tuple[str, ...], index: int) -> list[Observation]:
        party = _only_party(self.deployment)
        items = [Item(f"r{i}", text) for i, text in enumerate(texts)]
        noise = ("simulation", self.run_key, len(self._made), index)
        task = Execution(self.submission, self.point, noise=noise, paired=True)
        outcome = self.runner.execute(self.deployment.with_items({party: items}), task)
        found = _stitch(outcome.log.entries, [item.id for item in items], self.deployment.public.pooled)
        return [_with_ids(o, self.deployment.public, text) for o, text in zip(found, texts, strict=True)]


@dataclass
class RunView:
    """One run as the coalition sees it, in one variant of one attack."""

    public: Public
    defense: DefenseCard
    adaptive: bool
    rng: torch.Generator
    bank: Bank
    sight: TargetView
    known_records: Mapping[str, str]
    """Item id -> text of the live sessions whose plain text the attacker knows."""
    targets: frozenset[str]
    """Item ids that hold the secret this attack aims at."""
    device: str = "cpu"
    informed: bool = False
    """Whether the attack declares that it knows all records but the one in question."""

    def observations(self) -> list[Observation]:
        """Sessions of the private party that hold secrets."""
        return [o for o in self._live() if o.record in self.targets]

    def messages(self, kind: Kind | None = None) -> list[Message]:
        """The raw transcript."""
        return [s.message for s in self.transcript if kind is None or s.message.kind is kind]

    @property
    def transcript(self) -> Sequence[SeenMessage]:
        """See :attr:`harness.attack.View.transcript`."""
        return self.sight.transcript

    @property
    def own(self) -> Mapping[str, Any]:
        """See :attr:`harness.attack.View.own`."""
        return self.sight.own

    @property
    def candidates(self) -> Sequence[Candidate]:
        """See :attr:`harness.attack.View.candidates`."""
        return self.sight.candidates

    def shadows(self, n: int | None = None) -> Sequence[Shadow]:
        """See :meth:`harness.attack.View.shadows`.

        An informed attack has none: bounds on epsilon take its targets for independent trials, and a target's members,
        which it is asked about there, would be known here.
        """
        if self.informed:
            raise SuiteError("view.shadows: an informed attack knows all other records; it has no shadow runs")
        return self.sight.shadows(n)

    def others(self, candidate: str) -> Mapping[str, Sequence[Item]]:
        """See :meth:`harness.attack.View.others`."""
        if not self.informed:
            raise SuiteError(
                "view.others: no coalition knows all records but one; an attack that supposes it declares informed "
                "= True, and is then never ranked"
            )
        return self.sight.others(candidate)

    def as_target(self, target: int, rng: torch.Generator) -> RunView:
        """The view of another target (0: the live run, i: shadow i - 1), with fresh randomness."""
        sight = self.sight.aimed(target)
        return replace(self, sight=sight, rng=rng, public=replace(self.public, auxiliary=sight.auxiliary))

    def embed(self, texts: Sequence[str], encoder: Encoder | None = None) -> Tensor:
        """See :meth:`harness.attack.View.embed`."""
        encoder = encoder or self.sight.deployment.encoder
        if encoder is None:
            raise SuiteError("view.embed: this deployment has no encoder, and none was named")
        return embed(encoder, texts)

    def known_pairs(self) -> list[Observation]:
        """Known sessions with their plain states, recomputed from the public weights."""
        known = [o for o in self._live() if o.record in self.known_records]
        return [self._with_plain(_with_ids(o, self.public, self.known_records[o.record])) for o in known]

    def simulate(self, texts: Sequence[str], *, repeats: int = 1) -> list[Observation]:
        """Fresh runs on the attacker's texts; without a defense in an oblivious view."""
        if self.adaptive and self.bank.submission is not None:
            return self.bank.simulate(tuple(texts), repeats)
        plain = [self._undefended(f"r{i}", text) for i, text in enumerate(texts)]
        return plain * repeats

    def part(self, start: int, stop: int | None, *, head: bool = False) -> Part:
        """A part of the public model."""
        return public_part(self.public.model, start, stop, head)

    def tokenize(self, text: str) -> list[int]:
        """Token ids of a private text as the victim makes them."""
        return _tokenize(self.public, text)

    def _live(self) -> list[Observation]:
        plan = self.bank.deployment.parties[_only_party(self.bank.deployment)]
        return _stitch(self.sight.log.seen_by({SERVER}), [item.id for item in plan.items], self.public.pooled)

    def _undefended(self, record: str, text: str) -> Observation:
        ids = torch.tensor(_prompt(self.public, text))
        states = self._plain(ids)
        return Observation(record, states, states, ids, len(ids))

    def _with_plain(self, o: Observation) -> Observation:
        assert o.ids is not None
        return Observation(o.record, o.states, self._plain(o.ids), o.ids, o.prompt_length)

    @torch.no_grad()
    def _plain(self, ids: Tensor) -> Tensor:
        stop = None if self.public.pooled else self.public.cut
        states = self.part(0, stop)(ids[None])[0]
        return torch.nn.functional.normalize(states.mean(0), dim=0) if self.public.pooled else states


def _only_party(deployment: Deployment) -> str:
    if len(deployment.parties) > 1:
        raise SuiteError("observations and simulations by session are for one private party; read the transcript")
    return next(iter(deployment.parties))


def _stitch(entries: Sequence[LoggedFrame], records: Sequence[str], pooled: bool) -> list[Observation]:
    """One observation per session, its steps concatenated by position."""
    parts: dict[int, list[tuple[Tensor, Tensor | None]]] = {}
    for entry in entries:
        if entry.receiver != SERVER:
            continue
        message = entry.message()
        name = _FIELDS.get(message.kind)
        if name is None or name not in message.payload:
            continue
        plain = None if entry.plain is None else LoggedFrame("", "", entry.plain).message()[name]
        parts.setdefault(message.session, []).append((message[name].to(torch.float32), plain))
    return [_observation(records[session], steps, pooled) for session, steps in sorted(parts.items())]


def _observation(record: str, steps: list[tuple[Tensor, Tensor | None]], pooled: bool) -> Observation:
    first, before = steps[0]
    if pooled:
        return Observation(record, first, before)
    plains = [p for _, p in steps if p is not None]
    states = torch.cat([s for s, _ in steps])
    return Observation(record, states, torch.cat(plains) if plains else None, None, len(first))


def _with_ids(o: Observation, public: Public, text: str) -> Observation:
    """The same observation cut to its prompt, with the prompt's token ids."""
    ids = torch.tensor(_prompt(public, text))
    if public.pooled:
        return Observation(o.record, o.states, o.plain, ids, len(ids))
    plain = None if o.plain is None else o.plain[: len(ids)]
    return Observation(o.record, o.states[: len(ids)], plain, ids, len(ids))


def _prompt(public: Public, text: str) -> list[int]:
    return [*public.prefix, *_tokenize(public, text), *public.suffix]


def _tokenize(public: Public, text: str) -> list[int]:
    return load_tokens(tokenizer_folder(public.model)).encode(text)[: public.max_tokens]
