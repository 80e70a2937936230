"""Simulations of split inference: the protocol afresh on the attacker's texts, one bank for all attacks on a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from harness.adversary.defend import DefenseBank
from harness.adversary.observations import stitched, with_ids
from harness.attack import Observation
from harness.data.record import Item
from harness.errors import SuiteError
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
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
            self._simulated[texts, repeats] = [o for index in range(repeats) for o in self._run(texts, index)]
        return self._simulated[texts, repeats]

    def _run(self, texts: tuple[str, ...], index: int) -> list[Observation]:
        party, split = only_party(self.deployment), self.deployment.public.need(SplitFacts)
        items = [Item(f"r{i}", text) for i, text in enumerate(texts)]
        noise = ("simulation", self.run_key, len(self._simulated), index)
        task = Execution(self.submission, self.point, noise=noise, paired=True)
        outcome = self.runner.execute(self.deployment.with_items({party: items}), task)
        observed = stitched(outcome.log.entries, [item.id for item in items], split.pooled)
        prepared = self.defenses.prepare(texts, party)
        return [with_ids(o, split, text) for o, text in zip(observed, prepared, strict=True)]


def only_party(deployment: Deployment) -> str:
    """Name of the one private party; :class:`SuiteError` where there are several."""
    if len(deployment.parties) > 1:
        raise SuiteError("observations and simulations by session are for one private party; read the transcript")
    return next(iter(deployment.parties))
