"""Logit sharing on toy data: who sends what to whom, what active servers learn, and what the references do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.data.record import Record, make
from harness.errors import DataError, ProtocolError, SuiteError
from harness.plugins.submission import load_submission
from harness.runtime.execution import Execution, Outcome
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.scenario.membership import MembershipSecret
from harness.scenario.toy import toy_model, toy_records
from harness.util.seeds import numpy_generator
from harness.wire.coalition import SERVER
from harness.wire.message import Kind
from scenarios.logit_kd.build import assemble
from scenarios.logit_kd.models import BUCKETS, hashed_ids, make_model
from scenarios.logit_kd.queries import disturb
from scenarios.logit_kd.settings import Settings, read_settings


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(isolation="none", threads=1) as runner:
        yield runner


def deploy(folder: Path, pool: Sequence[Record] = (), **changes: object) -> Deployment:
    base = {
        "model": str(toy_model(folder)),
        "second_model": str(toy_model(folder)),
        "data": "toy",
        "max_tokens": 12,
        "models": ("linear", "mlp", "linear-second", "scratch"),
        "rounds": 2,
        "epochs": 1,
        "clients": 4,
        "alpha": 1.0,
        "least": 2,
        "records": 20,
        "canaries": 4,
        "average": 4,
        "auxiliary": 14,
        "public": 4,
        "test": 4,
    }
    return assemble(Settings.model_validate(base | changes), [*toy_records(), *pool], ("toy",))


def sent(outcome: Outcome, kind: Kind, sender: str) -> list[dict[str, object]]:
    messages = [entry.message() for entry in outcome.log.entries if entry.sender == sender]
    return [dict(message.payload) for message in messages if message.kind is kind]


def test_fedmd_answers_are_averaged_and_everyone_predicts(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder)
    outcome = runner.execute(deployment, Execution(None))
    ups = [[m["logits"] for m in sent(outcome, Kind.LOGITS, f"client{k}")] for k in range(4)]
    assert [len(messages) for messages in ups] == [2, 2, 2, 2]
    down = sent(outcome, Kind.LOGITS, "server")
    mean = torch.stack([messages[0] for messages in ups]).mean(0)  # type: ignore[arg-type]
    torch.testing.assert_close(down[0]["logits"], mean)
    items = {item.id for plan in deployment.parties.values() for item in plan.items}
    assert set(outcome.predictions) == items
    assert runner.execute(deployment, Execution(None)).log.to_bytes() == outcome.log.to_bytes()


def test_a_passive_server_hears_nothing_about_candidates_and_an_active_one_does(
    toy_folder: Path, runner: Runner
) -> None:
    deployment = deploy(toy_folder, copies=1)
    passive, active = (runner.execute(deployment, Execution(None, behaviour=b)) for b in ("honest", "chosen"))
    assert all(len(m["index"]) == 4 for m in sent(passive, Kind.LOGITS, "client1"))  # type: ignore[arg-type]
    first, second = sent(active, Kind.LOGITS, "client1")
    own = next(e.message() for e in active.own.entries if e.sender == "server")
    ids = own["query_ids"]
    assert (len(first["index"]), len(second["index"])) == (4, len(ids))  # type: ignore[arg-type]
    asked = [name for name in ids if name]
    assert {asked.count(c.id) for c in deployment.candidates} == {2}
    places = {name: place for place, name in reversed(list(enumerate(ids)))}
    for candidate in deployment.candidates:
        assert own["queries"][places[candidate.id]] == candidate.text


def test_shadow_runs_hold_the_wanted_candidates_and_no_other_private_record(toy_folder: Path) -> None:
    deployment = deploy(toy_folder)
    assert deployment.redraw is not None
    members = {c.id: n % 2 == 0 for n, c in enumerate(deployment.candidates)}
    shadow = deployment.redraw(numpy_generator("test"), members)
    texts = {r.text for plan in shadow.parties.values() for r in plan.records}
    wanted = {c.text for c in deployment.candidates if members[c.id]}
    others = {r.text for plan in deployment.parties.values() for r in plan.records}
    assert wanted <= texts
    assert not (texts - wanted) & others


def test_fedhkt_runs_through_edges(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, method="fedhkt", models=("linear", "mlp"), edges=2, inner_rounds=2)
    outcome = runner.execute(deployment, Execution(None))
    assert set(deployment.routes.values()) <= {"edge0", "edge1"}
    heard = [e for e in outcome.log.entries if e.sender.startswith("client")]
    assert {(e.sender, e.receiver) for e in heard} == set(deployment.routes.items())
    total = sum(m["counts"] for m in sent(outcome, Kind.CONTROL, "edge0"))  # type: ignore[misc]
    members = [client for client, edge in deployment.routes.items() if edge == "edge0"]
    assert int(torch.as_tensor(total).sum()) == sum(len(deployment.parties[m].records) for m in members)
    seen_by_cloud = [e for e in outcome.log.entries if "server" in (e.sender, e.receiver)]
    assert {e.message().kind for e in seen_by_cloud} == {Kind.CONTROL, Kind.LOGITS}
    assert len(outcome.predictions) == 4


def test_edges_average_parameters_weighted_by_records(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, method="fedhkt", models=("linear",), edges=1, inner_rounds=1, rounds=1)
    outcome = runner.execute(deployment, Execution(None))
    ups = [sent(outcome, Kind.PARAMETERS, f"client{k}")[0] for k in range(4)]
    sizes = torch.tensor([float(up["records"]) for up in ups])  # type: ignore[arg-type]
    stacked = torch.stack([up["weight"] for up in ups])  # type: ignore[arg-type]
    wanted = (stacked * (sizes / sizes.sum())[:, None, None]).sum(0)
    downs = [e.message() for e in outcome.log.entries if e.receiver == "client0"]
    torch.testing.assert_close(downs[-1]["weight"], wanted)


@pytest.mark.parametrize("method", ["fedmd", "fedhkt"])
def test_references_send_nothing_and_predict_the_same_texts(toy_folder: Path, runner: Runner, method: str) -> None:
    deployment = deploy(toy_folder, method=method, models=("linear", "mlp"))
    honest = runner.execute(deployment, Execution(None))
    for behaviour in ("local_only", "centralised"):
        alone = runner.execute(deployment.variants[behaviour](), Execution(None, behaviour=behaviour))
        assert alone.log.entries == []
        assert set(alone.predictions) == set(honest.predictions)


@pytest.mark.parametrize(("method", "trainings"), [("fedmd", 3), ("fedhkt", 5)])
def test_references_train_as_often_as_the_protocol_does(
    toy_folder: Path, runner: Runner, method: str, trainings: int
) -> None:
    """Counted by the harness: steps of private training on the same records."""
    private = load_submission(Path(__file__).resolve().parents[3] / "submissions" / "dp_sgd")
    deployment = deploy(toy_folder, method=method, models=("linear",), inner_rounds=2, rounds=2, batch_size=2)

    def steps(made: Deployment, behaviour: str) -> dict[str, int]:
        ledger = runner.execute(made, Execution(private, behaviour=behaviour)).ledger
        return {entry.party: entry.uses for entry in ledger if entry.mechanism == "dpsgd"}

    honest = steps(deployment, "honest")
    assert honest == steps(deployment.variants["local_only"](), "local_only")
    for party, plan in deployment.parties.items():
        assert honest[party] == trainings * round(len(plan.records) / 2)


def test_a_class_that_no_client_has_is_refused(toy_folder: Path) -> None:
    """The label set is the data's, so that no held-out text has a label that nobody knows of."""
    rare = [make("a sheet of its own kind", label="zzz")]
    with pytest.raises(DataError, match="zzz"):
        deploy(toy_folder, rare)
    assert "zzz" in deploy(toy_folder, [make(f"one of many {i}", label="zzz") for i in range(20)]).settings["labels"]


def test_an_edge_is_asked_about_the_candidates_that_it_hears(toy_folder: Path) -> None:
    deployment = deploy(toy_folder, method="fedhkt", models=("linear",), edges=2)
    whole, routes = deployment.secrets["membership"], deployment.routes
    assert isinstance(whole, MembershipSecret)
    parts = {edge: deployment.secrets[f"membership:{edge}"] for edge in set(routes.values())}
    for edge, secret in parts.items():
        heard = {c.id for c in deployment.candidates if routes[c.party] == edge}
        assert isinstance(secret, MembershipSecret) and set(secret.records) == heard
        guess = dict.fromkeys(heard, 0.5)
        assert {s.record for s in secret.score(guess)} == {f"0:{c}" for c in heard}
        everything = dict.fromkeys(whole.records, 0.5)
        mine = [s for s in whole.score(everything) if s.record.partition(":")[2] in heard]
        assert secret.score(everything) == tuple(mine)
        with pytest.raises(ProtocolError, match="1 candidates without a score"):
            secret.score(dict.fromkeys(sorted(heard)[1:], 0.5))
    assert sum(len(secret.records) for secret in parts.values()) == len(whole.records)
    others = {edge: sum(e == edge and c != "client0" for c, e in routes.items()) for edge in parts}
    assert others["edge0"] == max(others.values())


def test_the_cloud_keeps_no_parameters_of_edges(toy_folder: Path, runner: Runner) -> None:
    deployment = deploy(toy_folder, method="fedhkt", models=("linear", "mlp"), edges=2)
    (kept,) = [e.message() for e in runner.execute(deployment, Execution(None)).own.entries if e.sender == SERVER]
    assert set(kept.payload) == {"consensus", "selected"}


def test_clients_of_the_second_model_read_texts_with_it(toy_folder: Path, tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    shutil.copytree(toy_model(toy_folder), other)
    deployment = deploy(toy_folder, second_model=other)
    readers = {name: plan.encoder.part.model for name, plan in deployment.parties.items() if plan.encoder}
    assert [name for name, model in readers.items() if model == other] == ["client2"]
    assert other in deployment.model_id and other not in deploy(toy_folder, models=("linear", "mlp")).model_id


def test_a_shared_network_learns_more_than_its_members_alone(toy_folder: Path, runner: Runner) -> None:
    """On two well-separated classes, a client that has seen only one of them learns the other from the consensus."""
    deployment = deploy(toy_folder, models=("linear",), rounds=3, digest_epochs=20, epochs=5, public=6, test=2)
    one, two = sorted(deployment.settings["labels"])[:2]
    records = [r for plan in deployment.parties.values() for r in plan.records]
    by_label = {label: [r for r in records if r.label == label] for label in (one, two)}
    parties = {
        name: replace(plan, records=tuple(by_label[one if k % 2 else two][:4]))
        for k, (name, plan) in enumerate(deployment.parties.items())
    }
    parties = {
        name: replace(plan, records=tuple(replace(r, id=f"{name}.{r.id}") for r in plan.records))
        for name, plan in parties.items()
    }
    told = replace(deployment, parties=parties)
    answers = [m["logits"] for m in sent(runner.execute(told, Execution(None)), Kind.LOGITS, "client0")]
    other = sorted(deployment.settings["labels"]).index(one)
    first, last = answers[0], answers[-1]
    assert float(last[:, other].mean()) > float(first[:, other].mean())  # type: ignore[index]


def test_impossible_settings_are_all_named() -> None:
    with pytest.raises(SuiteError, match=r"clients: 2.*auxiliary: 1 .*models: .*edges: 2"):
        read_settings("e", {"data": "x", "clients": 2, "auxiliary": 1, "method": "fedhkt"})


def test_words_are_hashed_into_their_buckets_and_the_scratch_model_ignores_padding() -> None:
    ids = hashed_ids(["One two", "one", ""], 4)
    assert ids.shape == (3, 4)
    assert int(ids[0, 0]) == int(ids[1, 0])
    assert ids[2].eq(0).all()
    assert int(ids.max()) < BUCKETS
    model = make_model("scratch", 4, 3)
    torch.testing.assert_close(model(ids[:, :2])[:2], model(ids)[:2])


def test_a_disturbed_text_keeps_most_of_its_words() -> None:
    text = "a b c d e f g h"
    made = disturb(text, torch.Generator().manual_seed(0)).split()
    assert len(made) == 6
    assert [w for w in text.split() if w in made] == made
    assert disturb("word", torch.Generator()) == "word"


def test_a_property_planted_on_a_label_is_what_the_name_goes_with(toy_folder: Path) -> None:
    made = deploy(toy_folder, planted=True, planted_on="label", records=24, canaries=0, average=0, auxiliary=16)
    held = made.truth["property"]
    assert sum(held.values()) == 2 and "client0" not in made.secrets["property"].records
    first = made.public.facts["labels"][0]
    for party, plan in made.parties.items():
        goes = [r.text.endswith("Anna") == (r.label == first) for r in plan.records]
        assert (sum(goes) / len(goes) > 0.5) == bool(held[party])
    ends = {text.rsplit(" ", 1)[1] for text in made.public.facts["public_texts"]}
    assert ends == {"Anna", "Peter"}
