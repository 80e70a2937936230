"""Submissions that hide nothing, through a real worker: vocabulary matching asks them and reads what they send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from attacks.embedding_inversion.gru_inverter import GruInverter
from attacks.embedding_inversion.relaxed_optimisation import RelaxedOptimisation
from attacks.embedding_inversion.ridge_inverter import RidgeInverter
from attacks.embedding_inversion.vocabulary_matching import VocabularyMatching
from harness.attack import Attack
from harness.plugins.submission import Submission
from harness.runtime.fork_server import ForkServer
from harness.runtime.runner import Runner
from harness.runtime.worker_process import Limits
from harness.scenario.deployment import Deployment
from tests.stand_ins.live_view import live_view

BODIES = {
    "magnitudes, one more message in every second": """
    class Plugin(Defense):
        sent = 0

        def send(self, message):
            self.sent += 1
            return message.replace(hidden=message["hidden"].abs() + self.sent % 2)
    """,
    "a word in front": """
    from dataclasses import replace

    class Plugin(Defense):
        def prepare(self, records, settings):
            return [replace(record, text="well " + record.text) for record in records]
    """,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def guess_on(
    attack: Attack, body: str, server: ForkServer, deployment: Deployment, submission: Callable[..., Submission]
) -> tuple[list[list[int]], list[list[int]]]:
    """What the attack reads of each secret text, and the text's own tokens."""
    with Runner(threads=1, limits=Limits(cpu_seconds=120.0), fork_server=server) as runner:
        view = live_view(runner, deployment, submission=submission(body))
        view = replace(view, secret_items=frozenset(deployment.secrets["text"].records))
        read = attack.guess(view)
        texts = {item.id: item.text for item in deployment.parties["data_party"].items}
        names = sorted(view.secret_items)
        true = [view.sessions.tokenize(texts[name]) for name in names]
        view.simulations.defenses.close()
    return [list(read[name]) for name in names], true


@pytest.mark.parametrize("name", BODIES)
def test_submissions_that_hide_nothing_are_read(
    name: str, worker_server: ForkServer, toy_deployment: Deployment, submission: Callable[..., Submission]
) -> None:
    attack = VocabularyMatching(texts=12, probes=40, simulated=8, steps=0)
    read, true = guess_on(attack, BODIES[name], worker_server, toy_deployment, submission)
    # Tokens beyond the limit of the longer, rewritten text never left.
    hits = [a == b for one, ids in zip(read, true, strict=True) for a, b in zip(one[:4], ids[:4], strict=False)]
    assert sum(hits) / len(hits) >= 0.9


@pytest.mark.parametrize("make", [RidgeInverter, GruInverter, RelaxedOptimisation])
def test_a_changed_number_of_tokens_ends_no_attack(
    make: Callable[..., Attack],
    worker_server: ForkServer,
    toy_deployment: Deployment,
    submission: Callable[..., Submission],
) -> None:
    attack = make(texts=12, probes=20, simulated=4)
    read, true = guess_on(attack, BODIES["a word in front"], worker_server, toy_deployment, submission)
    assert len(read) == len(true)
