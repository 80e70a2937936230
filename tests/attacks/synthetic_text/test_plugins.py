"""The attacks on synthetic texts as plugins, on runs of a toy protocol."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attacks.synthetic_text import ATTACKS
from attacks.synthetic_text.canary_echo import CanaryEcho
from attacks.synthetic_text.disclosure import PiiEcho, RareDisclosure
from attacks.synthetic_text.echo_exposure import EchoExposure, alternatives
from attacks.synthetic_text.reading import Released
from harness.attack import Attack, SeenMessage
from harness.errors import SuiteError
from harness.metrics.membership import auc
from harness.plugins.registry import load
from harness.scenario.membership import MembershipSecret
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message
from tests.attacks.rounds_lab import Cloud, view_of
from tests.attacks.synthetic_text.generator import domain, generate


class Lexicon(Cloud):
    """Texts of the domain that end in words (or a number) of their own."""

    def draw(self, name):
        word = "".join(self.rng.choice([*"stvwxyz"], 6))
        tail = " ".join(f"{word}{i}a" for i in "qjh")
        text = f"{domain(1, self.rng, 3)[0]} {tail} {self.rng.integers(10**8, 10**9)}"
        self.vectors[text] = self.means[name] + self.scale * self.rng.normal(size=self.size)
        return text


def writing(cloud, *, learns=True, public=False):
    """Every party writes with a generator that learned its records, ``learns`` False: only public text."""
    background = domain(80, np.random.default_rng(7))

    def protocol(held, rng):
        seen, released = [], []
        for party, classes in held.items():
            own = [text for texts in classes.values() for text in texts] * 2
            texts = generate(background + (own if learns else []), 120, rng)
            payload = {"texts": texts, "labels": ["red"] * len(texts)}
            released += texts
            seen.append(SeenMessage(party, SERVER, Message(Kind.SYNTHETIC_TEXT, payload)))
        final = SeenMessage(SERVER, "reader", Message(Kind.SYNTHETIC_TEXT, {"texts": released}))
        return [final] if public else seen

    return protocol


def world(seed=0, made=None, shadows=0, **options):
    cloud = Lexicon(seed=seed)
    return view_of(cloud, writing(cloud, **(made or {})), seed=seed, shadows=shadows, auxiliary=30, **options)


def power(attack, view):
    guess = attack.guess(view)
    assert len(MembershipSecret({k: int(v) for k, v in view.members.items()}).score(guess)) == 3 * len(view.candidates)
    return auc([guess[one.id] for one in view.candidates], view.labels)


def mean_power(attack, seeds=3, **options):
    return np.mean([power(attack, world(seed, **options)) for seed in range(seeds)])


PLAIN = {"calibration": "none"}


@pytest.mark.parametrize("attack", [CanaryEcho(**PLAIN), EchoExposure(), RareDisclosure(), PiiEcho()])
def test_records_echo_in_what_a_generator_wrote(attack):
    found = mean_power(attack)
    assert found > 0.75
    assert 0.55 < mean_power(attack, made={"public": True}) <= found + 0.02


@pytest.mark.parametrize("attack", [CanaryEcho(**PLAIN), EchoExposure(), RareDisclosure(), PiiEcho()])
def test_without_private_data_there_is_no_echo(attack):
    assert mean_power(attack, seeds=6, made={"learns": False}) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("calibration", ["likelihood", "ratio"])
def test_reference_runs_calibrate(calibration):
    attack = CanaryEcho(calibration=calibration, shadows=6)
    assert mean_power(attack, shadows=6) > 0.9
    assert mean_power(attack, shadows=5, seeds=4, made={"learns": False}) == pytest.approx(0.5, abs=0.1)


def silenced(seen):
    """The transcript of a run in which all texts of client1 were blank."""
    return [replace(s, message=s.message.replace(texts=[])) if s.sender == "client1" else s for s in seen]


@pytest.mark.parametrize("calibration", ["none", "likelihood", "ratio"])
@pytest.mark.parametrize("when", ["now", "in a reference run"])
def test_a_party_that_wrote_nothing_is_in_the_middle(calibration, when):
    """A mean log-probability is below 0: were silence scored 0, its candidates would seem the surest members."""
    view = world(shadows=6)
    if when == "now":
        view.transcript = silenced(view.transcript)
    else:
        view.bank = [replace(view.bank[0], transcript=silenced(view.bank[0].transcript)), *view.bank[1:]]
    guess = CanaryEcho(calibration=calibration, shadows=6).guess(view)
    others = [guess[one.id] for one in view.candidates if one.party != "client1"]
    mine = {guess[one.id] for one in view.candidates if one.party == "client1"}
    if calibration == "none" and when != "now":
        assert len(mine) > 1  # reference runs are not looked at
    else:
        assert mine == {np.median(others)}


def test_nobody_is_a_member_where_nothing_was_written():
    view = world()
    view.transcript = []
    assert len(set(CanaryEcho(**PLAIN).guess(view).values())) == 1


def test_too_few_references_and_unknown_names_are_refused():
    with pytest.raises(SuiteError, match="at least 4 reference runs and has 2"):
        CanaryEcho().guess(world(shadows=2))
    with pytest.raises(SuiteError, match=r"trigram.*bigram, jaccard, cosine"):
        CanaryEcho(signals=("trigram",))
    with pytest.raises(SuiteError, match="calibration 'magic'"):
        CanaryEcho(calibration="magic")


def test_alternatives_begin_alike_and_are_as_long():
    rng = np.random.default_rng(0)
    found = alternatives("a b c d", ["u v w x y", "z"], 20, 0.5, rng)
    assert {one[:3] for one in found} == {"a b"} and {len(one.split()) for one in found} == {4}
    assert {"x y", "z z"} == {one[4:] for one in found}


def test_texts_are_read_by_author_and_otherwise_as_released():
    def said(sender, texts):
        return SeenMessage(sender, "someone", Message(Kind.SYNTHETIC_TEXT, {"texts": texts}))

    both = Released.of([said("a", ["1", " ", "2"]), said(SERVER, ["2", "3"]), said("a", ["4"])])
    assert both.about("a") == ("1", "2", "4") and both.about("b") == ("2", "3")
    assert Released.of([said("a", ["1"]), said("b", ["1"])]).about("c") == ("1",)
    assert Released.of([said("a", ["1"]), said("b", [" "])]).about("b") == ()


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_registered_and_described(name):
    attack = load("attack", name)
    assert isinstance(attack, type) and issubclass(attack, Attack)
    assert attack.name == name and attack.summary and attack.source and attack.secret
