"""Controls that fire: a defense that is milder or stronger in one kind of run is told from the messages themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.adversary.alike import LEVEL, among_others, same_inputs, same_sessions
from harness.evaluation.cells import compute_alike, compute_replay, make_banks, replayed
from harness.evaluation.finished_run import FinishedRun
from harness.evaluation.plan import CellPlan, RunPlan
from harness.plugins.submission import Submission
from harness.plugins.suite import Entry, Suite
from harness.runtime.execution import Execution
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from harness.store.schema import CellRecord
from tests.stand_ins.toy_protocol import deployment

NO_NOISE = """
    def dp(self):
        from harness import DPSGD
        return DPSGD(clip=1.0, noise_multiplier=0.0)
"""

Make = Callable[..., Submission]
PARTY = "data_party"


@pytest.fixture(scope="module")
def runner(worker_server: ForkServer) -> Iterator[Runner]:
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=worker_server) as runner:
        yield runner


@pytest.fixture(scope="module")
def pooled(toy_folder: Path) -> Deployment:
    return deployment(str(toy_folder))


@pytest.fixture(scope="module")
def split(toy_deployment: Deployment) -> Deployment:
    """Four of the six sessions are known."""
    items = toy_deployment.parties[PARTY].items
    return replace(toy_deployment, known={item.id: item.text for item in items[:4]})


def run_of(made: Deployment, plugin: Submission, behaviour: str = "honest") -> RunPlan:
    entry = Entry.model_validate({"name": "e", "scenario": "s", "seeds": (0,), "entitlement": {"shadow_budget": 4}})
    entry = entry if made.redraw else entry.model_copy(update={"entitlement": {}})
    suite = Suite.model_construct(name="toy", version=1, title="toy", entries=(entry,), threads=1)
    task = Execution(plugin, behaviour=behaviour, noise=("point", 0))
    return RunPlan(f"{plugin.name} {behaviour}", suite, entry, 0, made, plugin, task)


def control(runner: Runner, made: Deployment, plugin: Submission) -> CellRecord:
    plan = run_of(made, plugin)
    finished = FinishedRun.from_outcome(plan, runner.execute(made, plan.execution))
    cell = CellPlan("c", plan, "control", "same_in_simulation")
    undefended = replace(plan, submission=plugin.model_copy(update={"hash": "undefended"}), key="undefended")
    return compute_replay(cell, finished, replayed(finished, runner), make_banks(finished, runner, undefended))


def knows(texts: list[str], body: str) -> str:
    """A defense that knows the texts of one run beforehand, as anybody does whose salt is public."""
    return f"""
TEXTS = {texts!r}

class Plugin(Defense):
    def setup(self, records, public):
        self.known_run = any(record.text in TEXTS for record in records)

    def send(self, message):
        noisy = {body}
        name = "hidden" if "hidden" in message.payload else "means"
        x = message[name]
        noise = torch.randn(x.shape, generator=self.me.generator)
        return message.replace(**{{name: x + 0.5 * noise * x.norm(dim=-1, keepdim=True)}}) if noisy else message
"""


def secrets_of(made: Deployment) -> list[str]:
    """Live texts that no other run has."""
    inside = {r.text for r in made.public.auxiliary} | set(made.known.values()) | {c.text for c in made.candidates}
    plans = made.parties.values()
    records = [item.text for plan in plans for item in (plan.records or plan.items)]
    return [text for text in records if text not in inside]


@pytest.mark.parametrize("declared", [pytest.param("", marks=pytest.mark.slow), "secret_state = true\n"])
def test_noise_in_simulations_only_is_told_by_known_texts(
    runner: Runner, split: Deployment, submission: Make, declared: str
) -> None:
    """It had 0.37 of privacy at full utility, and declaring a secret state switched the control off."""
    cheat = submission(knows(secrets_of(split), "not self.known_run"))
    cheat = cheat.model_copy(update={"secret_state": bool(declared)})
    record = control(runner, split, cheat)
    assert record.facts["differs_in_simulation"], record
    assert record.status == "void" and "known texts in a simulation" in str(record.reason)


def test_noise_in_shadow_runs_only_is_told_whatever_is_declared(
    runner: Runner, pooled: Deployment, submission: Make
) -> None:
    """Privacy went from 0.29 to 0.73 with unchanged live messages; any dp() switched the control off."""
    private = (
        "\n    def dp(self):\n        from harness import DPSGD\n        return DPSGD(clip=1.0, noise_multiplier=0.0)\n"
    )
    for extra in ("", private):
        cheat = submission(knows(secrets_of(pooled), "not self.known_run") + extra)
        record = control(runner, pooled, cheat)
        assert record.facts["differs_in_simulation"], (extra, record)
        assert "shadow runs" in str(record.reason)


def test_private_training_in_shadow_runs_only_is_told(runner: Runner, pooled: Deployment, submission: Make) -> None:
    cheat = submission(
        knows(secrets_of(pooled), "False")
        + """
    def dp(self):
        from harness import DPSGD
        return None if self.known_run else DPSGD(clip=1.0, noise_multiplier=2.0)
"""
    )
    assert control(runner, pooled, cheat).facts["differs_in_simulation"]


HONEST = {
    "nothing": "class Plugin(Defense): pass\n",
    "noise": """
    class Plugin(Defense):
        def send(self, message):
            name = "hidden" if "hidden" in message.payload else "means"
            return message.replace(**{name: self.me.gaussian(message[name], clip=None, scale=0.3)})
    """,
    "secret rotation": """
    class Plugin(Defense):
        def setup(self, records, public):
            self.rotation = torch.linalg.qr(torch.randn(32, 32, generator=self.me.generator)).Q

        def send(self, message):
            name = "hidden" if "hidden" in message.payload else "means"
            return message.replace(**{name: message[name] @ self.rotation})
    """,
    "private training": """
    from harness import DPSGD

    class Plugin(Defense):
        def dp(self):
            return DPSGD(clip=1.0, noise_multiplier=1.0)
    """,
    "noise on ten messages": """
    class Plugin(Defense):
        sent = 0

        def send(self, message):
            self.sent += 1
            name = "hidden" if "hidden" in message.payload else "means"
            return message.replace(**{name: message[name] + 0.3 * (self.sent <= 10)})
    """,
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in ("noise", "private training") else pytest.mark.slow) for name in HONEST],
)
def test_defenses_that_treat_all_runs_alike_pass(
    runner: Runner, pooled: Deployment, split: Deployment, submission: Make, name: str
) -> None:
    """Noise on the first messages alone is in simulations, too: they are as long as the live run."""
    plugin = submission(HONEST[name])
    for made in (pooled, split):
        record = control(runner, made, plugin)
        assert not record.facts["differs_in_simulation"], record


def test_a_message_unlike_in_a_knock_out_or_active_run_is_told(
    runner: Runner, pooled: Deployment, submission: Make
) -> None:
    for differs in (False, True):
        plugin = submission(HONEST["nothing" if differs else "noise"], name=f"p{int(differs)}")
        honest = FinishedRun.from_outcome(plan := run_of(pooled, plugin), runner.execute(pooled, plan.execution))
        other = submission(HONEST["noise"], name=f"p{int(differs)}") if differs else plugin
        knocked = run_of(pooled, other, "knockout")
        finished = FinishedRun.from_outcome(knocked, runner.execute(pooled, knocked.execution))
        cell = CellPlan("c", knocked, "control", "same_in_all_runs", beside=plan)
        record = compute_alike(cell, finished, honest, make_banks(finished, runner))
        assert record.facts["differs_in_simulation"] is differs, record
        assert same_inputs("x", honest.departures, honest.departures).p_value == 1.0


def test_one_run_is_held_against_the_spread_of_others(runner: Runner, pooled: Deployment, submission: Make) -> None:
    plugin = submission(HONEST["noise"])
    runs = [runner.execute(pooled, Execution(plugin, noise=("n", i))).departures for i in range(5)]
    plain = runner.execute(pooled, Execution(None)).departures
    assert among_others("x", runs[0], runs[1:]).p_value > LEVEL
    assert among_others("x", plain, runs[1:]).p_value < LEVEL
    assert among_others("x", plain, runs[1:2]).p_value == 1.0  # of one run there is no spread
    assert same_sessions("x", plain, plain, range(3)).p_value == 1.0
