"""Membership attacks on logits: by queries, by students, under defenses, on noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attacks.membership_inference.blind_membership import BlindMembership
from attacks.membership_inference.cooperative_lira import CooperativeLira
from attacks.membership_inference.distilled_lira import DistilledLira
from attacks.membership_inference.evidence import Evidence, chosen_reader, confidences
from attacks.membership_inference.label_only import LabelOnly
from attacks.membership_inference.logit_loss import LogitLoss
from attacks.membership_inference.offline_lira import OfflineLira
from attacks.membership_inference.offline_rmia import OfflineRmia
from attacks.membership_inference.rmia import Rmia
from attacks.membership_inference.shadow_lira import ShadowLira, with_declared_noise
from attacks.membership_inference.surrogate_lira import SurrogateLira
from attacks.membership_inference.surrogate_loss import SurrogateLoss
from attacks.toolkit.gaussians import fit_gaussians, fit_outside
from attacks.toolkit.readers.logits import answers, table
from attacks.toolkit.view import public_texts
from harness.attack import Attack, DefenseCard, NoiseLaw, View
from harness.errors import SuiteError
from tests.stand_ins.logit_world import asked_view, hardened, passive_view
from tests.stand_ins.membership_power import power
from tests.stand_ins.rounds_view import RoundsView

CALIBRATED = [ShadowLira(), OfflineLira(), Rmia(), OfflineRmia()]
UNCALIBRATED = [LogitLoss(), CooperativeLira(), DistilledLira(students=4)]
STUDENTS = [SurrogateLira(), SurrogateLoss()]


def named(attack: Attack) -> str:
    return f"{attack.name}-{getattr(attack, 'mode', getattr(attack, 'online', ''))}"


@pytest.fixture(scope="module")
def chosen() -> list[RoundsView]:
    return [asked_view(seed=seed, shadows=12) for seed in range(3)]


@pytest.fixture(scope="module")
def noise() -> list[RoundsView]:
    return [asked_view(seed=seed, shadows=8, send=lambda x, rng: 5 * rng.normal(size=x.shape)) for seed in range(4)]


@pytest.mark.parametrize("attack", [*CALIBRATED, *UNCALIBRATED], ids=named)
def test_members_among_the_queries_are_found(attack: Any, chosen: Any) -> None:
    reached = np.mean([power(attack, view) for view in chosen])
    assert reached > (0.8 if attack in CALIBRATED else 0.58)


@pytest.mark.parametrize("attack", [*CALIBRATED, *UNCALIBRATED, LabelOnly()], ids=named)
def test_noise_of_the_right_shape_is_chance(attack: Any, noise: list[RoundsView]) -> None:
    assert np.mean([power(attack, view) for view in noise]) == pytest.approx(0.5, abs=0.09)


def test_offline_reads_no_answer_of_a_shadow_about_what_it_had() -> None:
    view = asked_view(seed=1, shadows=6, rounds=2, laws=(NoiseLaw("gaussian", 1.0),))
    offline, online = (ShadowLira(mode=mode).guess(view) for mode in ("offline", "online"))
    rows = {name: row for row, name in enumerate(view.own["query_ids"]) if name}
    for run in view.bank:
        own = [row for candidate, row in rows.items() if run.members[candidate]]
        for sighting in run.transcript:
            logits = sighting.message["logits"]
            logits[own] = 3.0 * logits[own].flip(0)
    assert ShadowLira(mode="offline").guess(view) == offline == OfflineLira().guess(view)
    assert ShadowLira().guess(view) != online


def test_calibration_beats_the_threshold(chosen: Any) -> None:
    ratio, plain = (np.mean([power(attack, view) for view in chosen]) for attack in (ShadowLira(), LogitLoss()))
    assert ratio > plain + 0.03


@pytest.mark.parametrize("attack", STUDENTS, ids=named)
def test_students_find_members_that_nobody_asked_about(attack: Any) -> None:
    views = [passive_view(seed=seed, shadows=10) for seed in range(3)]
    assert np.mean([power(attack, view) for view in views]) > (0.8 if attack.name == "surrogate_lira" else 0.6)
    silent = [passive_view(seed=s, shadows=8, send=lambda x, rng: rng.normal(size=x.shape)) for s in range(3)]
    assert np.mean([power(attack, view) for view in silent]) == pytest.approx(0.5, abs=0.09)


def test_linear_parties_hide_nothing_from_students(chosen: Any) -> None:
    views = [passive_view(seed=seed, shadows=12) for seed in range(3)]
    asked_, unasked = (
        np.mean([power(a, v) for v in some]) for a, some in ((ShadowLira(), chosen), (STUDENTS[0], views))
    )
    assert unasked == pytest.approx(asked_, abs=0.02)


def test_rounds_add_up_under_fresh_noise() -> None:
    def noisy(x: Any, rng: np.random.Generator) -> Any:
        return x + 3.0 * rng.normal(size=x.shape)

    def mean(rounds: int) -> Any:
        return np.mean(
            [power(ShadowLira(), asked_view(seed=s, shadows=10, rounds=rounds, send=noisy)) for s in range(3)]
        )

    assert mean(12) > mean(1) + 0.08


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_declared_noise_is_put_where_the_law_says_it_is(mode: str) -> None:
    """Noise moves a candidate with one rival class more than one whose other classes are even: pooled variances, all
    that few shadows give, are wrong for both; with the law they are those that many draws show."""
    rng, sigma, runs, m = np.random.default_rng(0), 0.4, 500, 60
    usual = np.zeros((m, 1, 10))
    usual[m // 2 :, :, 1] = 8.0
    members = rng.random((runs, m)) < 0.5
    shadows = usual + sigma * rng.normal(size=(runs, m, 1, 10))
    shadows[..., 0] += members[..., None]
    evidence = Evidence(usual, shadows, members, np.zeros(m, dtype=int), np.ones(m, dtype=bool))
    scores, weights = confidences(evidence)[1][..., 0], np.array([[1.0], [0.0]])
    evidence = evidence if mode == "online" else evidence.without_members()
    pooled = (fit_gaussians if mode == "online" else fit_outside)(scores, members, fixed_variance=True)
    card = DefenseCard("noisy", {}, "", (NoiseLaw("gaussian", sigma),))
    aware = with_declared_noise(pooled, evidence, weights, card).variance_out
    seen = [np.var(scores[~members[:, c], c], ddof=1) for c in range(m)]
    even, rival = np.mean(seen[: m // 2]), np.mean(seen[m // 2 :])
    assert abs(rival / even - 1.0) > 0.3  # so that it matters
    assert aware[: m // 2].mean() == pytest.approx(even, rel=0.1)
    assert aware[m // 2 :].mean() == pytest.approx(rival, rel=0.1)
    assert with_declared_noise(pooled, evidence, weights, DefenseCard("quiet", {}, "")) is pooled


def test_the_adaptive_variant_alone_reads_the_law() -> None:
    def noisy(x: Any, rng: np.random.Generator) -> Any:
        return x + 2.0 * rng.normal(size=x.shape)

    view = asked_view(seed=1, shadows=8, send=noisy, laws=(NoiseLaw("gaussian", 2.0),))
    aware = ShadowLira().guess(view)
    view.adaptive = False  # the same shadows, so that only the law differs
    oblivious = ShadowLira().guess(view)
    assert aware != oblivious
    view.adaptive, view.defense = True, DefenseCard("noisy", {}, "")
    assert ShadowLira().guess(view) == oblivious


def test_copies_tell_what_noise_hides_in_one_answer() -> None:
    def noisy(x: Any, rng: np.random.Generator) -> Any:
        return x + 2.0 * rng.normal(size=x.shape)

    class First(ShadowLira):
        def reader(self, view: View) -> Any:
            return chosen_reader(view)

    views = [asked_view(seed=s, shadows=8, copies=2, send=noisy) for s in range(3)]
    every, first = (np.mean([power(attack, view) for view in views]) for attack in (ShadowLira(), First()))
    assert every > first + 0.05


def test_hard_labels_are_read_through_disturbed_copies() -> None:
    views = [asked_view(seed=s, shadows=10, copies=12, send=hardened) for s in range(3)]
    copies, gap, ratio = (np.mean([power(a, v) for v in views]) for a in (LabelOnly(), _Gap(), ShadowLira()))
    assert copies > 0.62 and copies > gap + 0.02
    assert ratio > gap + 0.02  # it reads the copies, too
    assert np.mean([power(LabelOnly(calibrated=False), v) for v in views]) > 0.55


class _Gap(LabelOnly):
    """The label of the text itself, right or wrong: calibrated, without copies."""

    def guess(self, view: View) -> Any:
        first: dict[str, int] = {}
        for place, name in enumerate(view.own["query_ids"]):
            first.setdefault(name, place)
        ids = [n if first[n] == place else "" for place, n in enumerate(view.own["query_ids"])]
        assert isinstance(view, RoundsView)
        return super().guess(replace(view, own={**view.own, "query_ids": ids}))


def test_a_client_reads_the_consensus() -> None:
    """Only the server's mean is seen: less than the party's own answers, more than nothing."""
    powers = []
    for seed in range(3):
        view = asked_view(seed=seed, shadows=14, consensus=True)
        runs: tuple[Any, ...] = (view, *view.bank)
        for run in runs:
            object.__setattr__(run, "transcript", [s for s in run.transcript if s.sender == "server"])
        assert {a.party for a in answers(view.transcript, view.public)} == {"server"}
        powers.append(power(ShadowLira(), view))
        with pytest.raises(SuiteError, match="sees 0 parties"):
            CooperativeLira().guess(view)
    assert np.mean(powers) > 0.6


def test_the_blind_guess_knows_nothing() -> None:
    powers = [power(BlindMembership(), asked_view(seed=seed, shadows=0, steps=1)) for seed in range(6)]
    assert np.mean(powers) == pytest.approx(0.5, abs=0.06)


def test_what_was_not_answered_is_nan_and_scores_the_median() -> None:
    view = asked_view(shadows=6)
    said, public = answers(view.transcript, view.public), view.public
    beyond = len(view.own["queries"])
    assert np.isnan(table(said, "client0", np.array([0, beyond]), public)[:, 1]).all()
    view.own = {
        **view.own,
        "query_ids": ["" if name == view.candidates[0].id else name for name in view.own["query_ids"]],
    }
    for attack in (ShadowLira(), LogitLoss(), Rmia(), CooperativeLira(), LabelOnly()):
        guess = attack.guess(view)
        rest = [guess[c.id] for c in view.candidates[1:]]
        assert min(rest) <= guess[view.candidates[0].id] <= max(rest)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(SuiteError, match="raise shadow_budget"):
        ShadowLira().guess(asked_view(shadows=2))
    with pytest.raises(SuiteError, match="no candidate is among the queries"):
        LogitLoss().guess(passive_view(shadows=0))
    with pytest.raises(SuiteError, match="none of online, offline"):
        ShadowLira(mode="both")
    with pytest.raises(SuiteError, match="0 public texts"):
        SurrogateLoss().guess(passive_view(shadows=0, public_texts=()))


def test_students_of_a_party_are_of_the_round_in_which_it_is_asked_about_candidates(chosen: list[RoundsView]) -> None:
    """In FedMD candidates are asked about from the second round on, by when the first round's model is another one."""
    view = chosen[0]
    earlier, later = [], []
    for seen in view.transcript:
        message = seen.message
        public = {"logits": -message["logits"][: len(public_texts(view.public))]}
        earlier.append(replace(seen, message=replace(message, payload=public)))
        later.append(replace(seen, message=replace(message, round=message.round + 1)))
    attack = DistilledLira(students=4)
    expected = attack.guess(replace(view))
    assert DistilledLira(students=4).guess(replace(view, transcript=[*earlier, *later])) == expected
