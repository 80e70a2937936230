"""The noise of prototypes, learned on shadow runs: what is known counts, not what a defense says of itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attacks.prototype.class_counts import PrototypeCounts, PrototypeShares
from attacks.prototype.inversion import PrototypeInversion, _single_first
from attacks.prototype.learned import pairs_of, space_of
from attacks.prototype.reading import class_moments
from attacks.prototype.space import declared_variance
from harness.attack import NoiseLaw, SeenMessage
from harness.scenario.aggregate import CountSecret, DistributionSecret
from harness.wire.coalition import SERVER
from harness.wire.message import Kind, Message
from tests.attacks.rounds_lab import Cloud, view_of

LABELS = ("red", "green", "blue")


def defended(cloud, *, rounds=1, per_record=0.0, fresh=False, counts=0.0, dummies=False, told=True):
    """Class means under noise of variance ``per_record / n^2``, drawn once or ``fresh`` in every round; counts under
    noise of standard deviation ``counts``; a dummy, said to be of three records, for every class that is absent."""

    def protocol(held, rng):
        seen, noise = [], {}
        for round_ in range(rounds):
            for party, classes in held.items():
                rows = {}
                for name, texts in classes.items():
                    size = max(len(texts), 1)
                    if fresh or (party, name) not in noise:
                        noise[party, name] = (
                            per_record**0.5 / size * rng.normal(size=cloud.size), counts * rng.normal(),
                            np.mean(list(cloud.means.values()), axis=0) + rng.normal(size=cloud.size),
                        )  # fmt: skip
                    added, shift, dummy = noise[party, name]
                    if texts:
                        rows[name] = cloud.embed(texts).mean(0) + added, size + shift
                    elif dummies:
                        rows[name] = dummy + 0.1 * rng.normal(size=cloud.size), 3.0
                payload = {"means": torch.from_numpy(np.stack([m for m, _ in rows.values()])), "classes": list(rows)}
                if told:
                    payload["counts"] = torch.tensor([n for _, n in rows.values()])
                seen.append(SeenMessage(party, SERVER, Message(Kind.PROTOTYPE, payload, round=round_)))
        return seen

    return protocol


def world(seed=0, shadows=6, size=24, **made):
    cloud = Cloud(LABELS, size=size, seed=seed)
    options = {"parties": 8, "candidates": 2, "sizes": (0, 2, 10), **made.pop("options", {})}
    return view_of(cloud, defended(cloud, **made), shadows=shadows, seed=seed, **options)


def test_dummies_and_noisy_counts_do_not_enter_what_is_learned():
    """The class count that the attacker knows of its own shadow runs stands in every pair."""
    for made in ({"dummies": True}, {"counts": 5.0}):
        view = world(**made)
        pairs = pairs_of(view, 6, class_moments(view))
        truth = [int(shadow.truth["counts"][party][label]) for shadow in view.bank
                 for party in shadow.truth["counts"] for label in LABELS]  # fmt: skip
        assert sorted(pair.count for pair in pairs) == sorted(n for n in truth if n)
        assert all(0 <= pair.unknown <= pair.count for pair in pairs)


def test_what_is_told_counts_where_nothing_is_known():
    view = world()
    for shadow in view.bank:
        shadow.truth.clear()
    pairs = pairs_of(view, 6, class_moments(view))
    assert len(pairs) > 20 and all(pair.count >= 1 for pair in pairs)


@pytest.mark.parametrize("candidates", [0, 2])
def test_noise_in_proportion_to_the_sensitivity_is_learned(candidates):
    view = world(per_record=2.0, counts=3.0, shadows=20, options={"candidates": candidates, "sizes": (1, 3, 10)})
    space = space_of(view, 20, class_moments(view))
    assert not space.learned
    assert space.per_record == pytest.approx(2.0, rel=0.25)
    assert space.always < 0.05
    assert space.law == (space.always, space.per_record) and space.variance(2) == pytest.approx(
        space.always + space.per_record / 4
    )


def test_noise_that_is_sent_again_does_not_average_out():
    laws = {"laws": (NoiseLaw("gaussian", 2.0),)}
    once, fresh, short = (world(rounds=r, per_record=1.0, fresh=f, shadows=0, options=laws)
                          for r, f in ((8, False), (8, True), (1, True)))  # fmt: skip
    assert declared_variance(once) == declared_variance(short) == 4.0
    assert declared_variance(fresh) == 0.5
    fresh.adaptive = False
    assert declared_variance(fresh) == 0.0


def test_counts_below_zero_are_none():
    view = world(counts=30.0)
    truth = view.truth["counts"]
    for shadows in (0, 6):
        guess = PrototypeCounts(shadows=shadows).guess(view)
        assert min(n for row in guess.values() for n in row.values()) == 0.0
        shares = {p: {c: n / sum(row.values()) for c, n in row.items()} for p, row in truth.items()}
        assert DistributionSecret(shares).score(PrototypeShares(shadows=shadows).guess(view))


def errors(attack, view):
    scores = CountSecret(view.truth["counts"]).score(attack.guess(view))
    return np.mean([s.value for s in scores if s.metric == "absolute_error"])


@pytest.mark.parametrize("rule", ["likelihood", "distance"])
def test_counts_under_noise_need_the_noise(rule):
    """Shadow runs with the defense show a noise that depends on the count, and dummies; those without show neither."""
    made = {"per_record": 20.0, "told": False, "options": {"candidates": 0, "sizes": (1, 3, 10)}}
    noisy = [world(seed, **made) for seed in range(4)]
    known, naive = (np.mean([errors(PrototypeCounts(rule=rule, shadows=n), v) for v in noisy]) for n in (6, 0))
    assert known < 0.8 * naive
    padded = [world(seed, dummies=True, rounds=3, options={"candidates": 0}) for seed in range(3)]
    told, seen = (np.mean([errors(PrototypeCounts(rule=rule, shadows=n), v) for v in padded]) for n in (0, 6))
    assert told > 0.5 and seen < 0.1


class UnitCloud(Cloud):
    """Embeddings of norm 1."""

    def draw(self, name):
        text = super().draw(name)
        self.vectors[text] = self.vectors[text] / np.linalg.norm(self.vectors[text])
        return text


@pytest.mark.parametrize("candidates", [0, 1])
def test_single_records_are_found_through_noise_that_shadows_show(candidates):
    cloud = UnitCloud(LABELS, size=96)
    protocol = defended(cloud, per_record=0.02, told=False)
    view = view_of(cloud, protocol, shadows=6, parties=20, candidates=candidates, sizes=(1, 1, 4))
    noise = space_of(view, 6, class_moments(view)).variance(1.0)
    assert noise == pytest.approx(0.02, rel=0.3)
    vectors = {f"{s.sender}/{c}": m.numpy() for s in view.transcript
               for c, m in zip(s.message["classes"], s.message["means"], strict=True)}  # fmt: skip
    single = {key for key in vectors if view.truth["counts"][key.split("/")[0]][key.split("/")[1]] == 1}
    first = _single_first(view, vectors, noise)[: len(single)]
    naive = _single_first(view, vectors, 0.0)[: len(single)]
    assert len(single & set(first)) / len(single) > 0.85 > len(single & set(naive)) / len(single)
    assert PrototypeInversion(shadows=6).refuses(view.public)
