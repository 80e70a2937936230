"""Simulations of split inference: the protocol afresh on the attacker's texts, one bank for all attacks on a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from harness.adversary.defend import DefenseBank
from harness.adversary.observations import stitched, with_ids
from harness.adversary.padding import batches
from harness.attack import Observation
from harness.data.record import Item
from harness.errors import SuiteError
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.util.keys import key
from harness.util.seeds import numpy_generator
from harness.wire.departures import Departure
from harness.wire.facts import SplitFacts

__all__ = ["SimulationBank", "only_party"]

DEFAULT_BUDGET = 512


@dataclass
class SimulationBank:
    """Simulations of one run, made once and shared by all its attacks."""

    runner: Runner
    deployment: Deployment
    submission: Submission | None
    point: int
    run_key: str
    budget: int = DEFAULT_BUDGET
    """Texts that may be simulated in all, over every attack on this run."""
    _simulated: dict[tuple[tuple[str, ...], int], list[Observation]] = field(default_factory=dict)
    _runs: dict[tuple[tuple[str, ...], int], list[Observation]] = field(default_factory=dict)
    _departures: dict[int, tuple[Departure, ...]] = field(default_factory=dict)
    _spent: int = 0

    @cached_property
    def defenses(self) -> DefenseBank:
        """The run's defense, for messages and texts of the attacker's own."""
        return DefenseBank(self.runner, self.deployment, self.submission, self.point, self.run_key)

    def simulate(self, texts: tuple[str, ...], repeats: int) -> list[Observation]:
        """Observations of fresh runs on ``texts``; :class:`SuiteError` beyond the budget."""
        if (texts, repeats) not in self._simulated:
            if self._spent + len(texts) * repeats > self.budget:
                raise SuiteError(
                    f"simulating {len(texts)} texts {repeats} time(s) exceeds what is left of the simulate budget of "
                    f"{self.budget} texts; raise entitlement.simulate_budget or ask for fewer"
                )
            self._spent += len(texts) * repeats
            self._simulated[texts, repeats] = [o for index in range(repeats) for o in self._observed(texts, index)]
        return self._simulated[texts, repeats]

    def _observed(self, texts: tuple[str, ...], index: int) -> list[Observation]:
        """Observations of ``texts`` in the ``index``-th run. A run has as many inputs as the live one, so that all who
        ask for some of the first auxiliary texts are answered from one run of those."""
        first = self._first
        shared = len(set(texts)) == len(texts) and set(texts) <= set(first)
        inputs = first if shared else texts
        if (inputs, index) not in self._runs:
            self._runs[inputs, index] = self._run(inputs, index)
        run = self._runs[inputs, index]
        # Each under the id of the session that it had: a defense may treat sessions by their number.
        return [run[inputs.index(text)] for text in texts] if shared else run

    def _run(self, texts: tuple[str, ...], index: int) -> list[Observation]:
        party, split = only_party(self.deployment), self.deployment.public.need(SplitFacts)
        noise = ("simulation", self.run_key, key(texts), index)
        fill = [record.text for record in self.deployment.public.auxiliary]
        dealt = batches(texts, self._live, fill, numpy_generator("places", *noise), self.deployment.known)
        seen: list[Observation] = []
        for number, batch in enumerate(dealt):
            task = Execution(self.submission, self.point, noise=(*noise, number), paired=True)
            outcome = self.runner.execute(self.deployment.with_items({party: batch.items}), task)
            if texts == self._first:
                self._departures[index] = outcome.departures
            observed = stitched(outcome.log.entries, [item.id for item in batch.items], split.pooled)
            seen += [observed[place] for place in batch.places]
        prepared = self.defenses.prepare(texts, party)
        return [with_ids(o, split, text) for o, text in zip(seen, prepared, strict=True)]

    def departures(self, index: int) -> tuple[Departure, ...]:
        """Distances by which the defense moved the messages of the ``index``-th simulation of the first auxiliary
        texts, in which known texts stand in their own places."""
        self._observed(self._first, index)
        return self._departures[index]

    @property
    def _first(self) -> tuple[str, ...]:
        """As many auxiliary texts as a run has inputs beside the known ones."""
        size = len(self._live) - len(self.deployment.known)
        return tuple(record.text for record in self.deployment.public.auxiliary[:size])

    @property
    def _live(self) -> tuple[Item, ...]:
        return self.deployment.parties[only_party(self.deployment)].items


def only_party(deployment: Deployment) -> str:
    """Name of the one private party; :class:`SuiteError` where there are several."""
    if len(deployment.parties) > 1:
        raise SuiteError("observations and simulations by session are for one private party; read the transcript")
    return next(iter(deployment.parties))
