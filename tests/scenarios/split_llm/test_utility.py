"""Utility of classic split entries, read from returned states, against what anyone could do alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.lm_eval.rows import pack_rows
from harness.models.split import load_part
from harness.plugins.submission import Submission
from harness.protocol.behaviours import KNOCKOUT
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.next_tokens import Agreement, Likelihood
from harness.scenario.tasks import Classification, UtilityTask
from harness.scenario.toy import toy_model, toy_records
from harness.score.utility import utility
from harness.util.seeds import numpy_generator
from scenarios.split_llm import client
from scenarios.split_llm.build import PARTY, assemble
from scenarios.split_llm.settings import Settings

Make = Callable[..., Submission]


def build(toy_folder: Path, **settings: Any) -> Deployment:
    wanted: dict[str, Any] = {
        "model": str(toy_model(toy_folder)),
        "data": "toy",
        "task": "generation",
        "topology": "head-body-tail",
        "cut": 1,
        "tail_blocks": 1,
        "max_tokens": 12,
        "new_tokens": 1,
        "records": 8,
        "auxiliary": 16,
        "public": 8,
    }
    return assemble(Settings(**{**wanted, **settings}), list(toy_records()), ("toy",))


def classification(toy_folder: Path) -> Deployment:
    words = {"bank": "bank", "friend": "friend"}  # of different first tokens
    return build(toy_folder, task="classification", topology="head-tail", new_tokens=0, label_words=words, suffix=" F:")


def values(task: UtilityTask, predictions: Mapping[str, Any], reference: Mapping[str, Any]) -> dict[str, float]:
    return {s.record: float(s.value or 0.0) for s in task.score(predictions, reference)}


def both(deployment: Deployment) -> tuple[Agreement, Likelihood]:
    agreement, likelihood = deployment.tasks
    assert isinstance(agreement, Agreement)
    assert isinstance(likelihood, Likelihood)
    return agreement, likelihood


@pytest.mark.parametrize("prefix", ["", "Message: "])
def test_likelihood_is_the_whole_models(runner: Runner, toy_folder: Path, prefix: str) -> None:
    deployment = build(toy_folder, prefix=prefix, suffix=" .")
    agreement, likelihood = both(deployment)
    got = runner.execute(deployment, Execution(None)).predictions
    whole = load_part(likelihood.model, 0, None, head=True)
    for record, value in values(likelihood, got, {}).items():
        passage = likelihood.passages[record]
        with torch.no_grad():
            logp = torch.log_softmax(whole(torch.tensor([passage.whole]))[0], -1)
        start = len(passage.before)
        picked = [logp[start + p - 1, passage.text[p]] for p in range(passage.first, len(passage.text))]
        assert value == pytest.approx(float(torch.stack(picked).mean()), abs=1e-4)
    assert set(values(agreement, got, got).values()) == {1.0}
    # The blind guess is compared with the same choices.
    truth = agreement.undefended()
    assert all(agreement.choices(got[r], p) == truth[r] for r, p in agreement.passages.items())
    for task in (agreement, likelihood):
        assert {s.record for s in task.blind()} == set(agreement.passages)


def test_defects_8_no_party_states_its_own_likelihood(
    runner: Runner, toy_folder: Path, submission: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``log_likelihood`` was the number that the party's process said."""
    deployment = build(toy_folder)
    agreement, likelihood = both(deployment)
    for name in ("pack_rows", "_rows"):
        monkeypatch.setattr(client, name, getattr(client, name))  # put back after the test
    liar = submission("""
    from harness.protocol.party import Party

    class Plugin(Defense):
        def setup(self, records, public):
            import scenarios.split_llm.client as client
            client.pack_rows = lambda rows: {"nll": 0.0, "log_likelihood": 0.0}
            client._rows, rows = lambda *args: {**rows(*args), "nll": 0.0}, client._rows
    """)
    plain = runner.execute(deployment, Execution(None)).predictions
    lied = runner.execute(deployment, Execution(liar)).predictions
    assert {p["nll"] for p in lied.values()} == {0.0}
    worst = -torch.log(torch.tensor(float(likelihood.vocabulary))).item()
    assert list(values(likelihood, lied, plain).values()) == pytest.approx([worst] * len(likelihood.passages))
    assert set(values(agreement, lied, plain).values()) == {0.0}


def test_a_rewritten_text_is_scored_against_the_original(runner: Runner, toy_folder: Path, submission: Make) -> None:
    deployment = build(toy_folder)
    agreement, likelihood = both(deployment)
    fixed = submission("""
    from dataclasses import replace

    class Plugin(Defense):
        def prepare(self, records, settings):
            return [replace(record, text="a") for record in records]
    """)
    plain = runner.execute(deployment, Execution(None)).predictions
    got = runner.execute(deployment, Execution(fixed)).predictions
    worst = -float(torch.log(torch.tensor(float(likelihood.vocabulary))))
    # A row or two came back for each text of a dozen tokens: all others count as guessed uniformly.
    for record, value in values(likelihood, got, plain).items():
        assert abs(value - worst) * len(likelihood.passages[record].text) < 15
    # The choices after the text stay where they are, however few rows came before them.
    assert all(0.0 <= value <= 2 / 13 for value in values(agreement, got, plain).values())


@pytest.mark.parametrize(
    "forged",
    [None, 3, {}, {"rows": {"shape": [1], "data": ""}}, {"rows": {"shape": [10**9, 32], "data": "AAAA"}, "next": []}],
)
def test_malformed_rows_count_as_the_worst(toy_folder: Path, forged: Any) -> None:
    agreement, likelihood = both(build(toy_folder))
    forgeries = dict.fromkeys(likelihood.passages, forged)
    worst = -float(torch.log(torch.tensor(float(likelihood.vocabulary))))
    assert list(values(likelihood, forgeries, {}).values()) == pytest.approx([worst] * len(likelihood.passages))
    assert set(values(agreement, forgeries, forgeries).values()) <= {0.0, 1.0}


def test_rows_beyond_those_wanted_are_not_read(toy_folder: Path, runner: Runner) -> None:
    deployment = build(toy_folder)
    agreement, likelihood = both(deployment)
    plain = runner.execute(deployment, Execution(None)).predictions
    more = {r: {name: pack_rows(torch.zeros(4000, 32)) for name in ("rows", "next")} for r in plain}
    assert all(
        len(agreement.choices(more[r], p)) == len(agreement.choices(plain[r], p)) for r, p in agreement.passages.items()
    )
    assert all(value > -10 for value in values(likelihood, more, plain).values())


def test_small_models_of_public_texts_are_a_reference(toy_folder: Path) -> None:
    """Token frequencies with add-one smoothing were a straw man: uniform guessing in all but name."""
    _, likelihood = both(build(toy_folder, auxiliary=24))
    blind = [float(s.value or 0.0) for s in likelihood.blind()]
    frequencies = -torch.log(torch.tensor(float(likelihood.vocabulary))).item()
    assert sum(blind) / len(blind) > frequencies + 1.0


def test_one_of_two_sentences_for_a_label_earns_no_more_than_the_reference(
    runner: Runner, toy_folder: Path, submission: Make
) -> None:
    """Defects (issue, "a reference that is not a straw man"): such a ``prepare`` had privacy 0.98 and utility 1.83."""
    deployment = classification(toy_folder)
    (task,) = deployment.tasks
    assert isinstance(task, Classification)
    plain = runner.execute(deployment, Execution(None)).predictions
    # The sentences: public texts that the undefended system labels one way and the other.
    items = [replace(deployment.parties[PARTY].items[0], id=f"p{i}", text=r.text) for i, r in enumerate(toy_records())]
    said = runner.execute(deployment.with_items({PARTY: items}), Execution(None)).predictions
    chosen = {said[item.id]["label"]: item.text for item in items}
    assert set(chosen) == {"bank", "friend"}
    cheat = submission(f"""
    from dataclasses import replace

    SENTENCES = {chosen!r}

    class Plugin(Defense):
        def prepare(self, records, settings):
            return [replace(r, text=SENTENCES["bank" if "Account" in r.text else "friend"]) for r in records]
    """)
    cheated = runner.execute(deployment, Execution(cheat)).predictions
    u, honest = values(task, cheated, plain), values(task, plain, plain)
    assert sum(u.values()) == len(u), "the label found locally came through"
    blind = {s.record: float(s.value or 0.0) for s in task.blind()}
    assert sum(u.values()) <= sum(blind.values())
    estimate = utility({0: u}, {0: honest}, [{0: blind}], rng=numpy_generator("t"))
    assert estimate.void is not None, "no utility to rank by: the words alone tell the label"


def test_relative_utility_of_a_label_found_locally_is_zero(toy_folder: Path) -> None:
    """Where the model party does better than words alone, relaying the label of words keeps nothing of the gap."""
    records = [f"r{i}" for i in range(120)]
    truth = {r: "bank" if i % 2 else "friend" for i, r in enumerate(records)}
    by_words = {r: label if i % 3 else "friend" for i, (r, label) in enumerate(truth.items())}
    task = Classification(truth, alone=by_words)
    honest, relayed = ({r: {"label": label} for r, label in d.items()} for d in (truth, by_words))
    u, full, blind = (
        values(task, relayed, {}),
        values(task, honest, {}),
        {s.record: float(s.value or 0) for s in task.blind()},
    )
    assert blind == u
    assert utility({0: u}, {0: full}, [{0: blind}], rng=numpy_generator("t")).value == 0.0


def test_exchanged_replies_lose_what_sharing_earned(runner: Runner, toy_folder: Path) -> None:
    deployment = build(toy_folder)
    agreement, _ = both(deployment)
    plain, swapped = (
        runner.execute(deployment, Execution(None, behaviour=b)).predictions for b in ("honest", KNOCKOUT)
    )
    assert sum(values(agreement, swapped, plain).values()) < 0.9 * len(agreement.passages)
