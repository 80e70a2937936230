"""Lower bounds on epsilon from membership cells, with mechanisms of known epsilon."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from leaderboard.build.epsilon_bounds import ALPHA, COPIES, bound_rows
from tests.stand_ins.membership_cells import (
    any_run,
    disclosure_cell,
    informed_cell,
    membership_cell,
    responses,
)


def test_a_perfect_attack_reaches_its_ceiling() -> None:
    labels = np.random.default_rng(0).random(300) < 0.5
    [row] = bound_rows([membership_cell("perfect", labels.astype(float), labels)])
    assert row["epsilon"] == pytest.approx(row["ceiling"], abs=1e-3) and row["ceiling"] > 3
    assert row["alpha"] == ALPHA and row["method"] == "one-run audit"


def test_a_record_has_its_share_of_what_is_proven_for_its_copies() -> None:
    labels = np.random.default_rng(0).random(300) < 0.5
    perfect = membership_cell("perfect", labels.astype(float), labels)
    run = any_run()
    run = run.model_copy(update={"key": perfect.run_key, "entitlement": {COPIES: 4}})
    [alone], [shared] = bound_rows([perfect]), bound_rows([perfect], {run.key: run})
    assert (shared["epsilon"], shared["ceiling"]) == (alone["epsilon"] / 4, alone["ceiling"] / 4)


def test_bounds_of_a_known_mechanism_hold_and_are_not_idle() -> None:
    rng = np.random.default_rng(1)
    epsilons = [bound_rows([membership_cell(f"c{i}", *responses(2.0, 2000, rng))])[0]["epsilon"] for i in range(40)]
    assert np.mean(np.array(epsilons) > 2.0) <= 0.15
    assert np.median(epsilons) > 1.2


def test_noise_proves_nothing_and_audits_share_alpha() -> None:
    rng = np.random.default_rng(2)
    labels = rng.random(200) < 0.5
    rows = bound_rows([membership_cell(f"n{i}", rng.random(200), labels) for i in range(5)])
    assert {row["alpha"] for row in rows} == {ALPHA / 5}
    assert all(row["epsilon"] < 0.5 for row in rows)


def test_failed_cells_and_few_canaries_have_no_bound() -> None:
    labels = np.arange(10) % 2 == 0
    few = membership_cell("few", labels.astype(float), labels)
    failed = membership_cell("failed", np.ones(50), np.ones(50, dtype=bool), status="error")
    assert bound_rows([few, failed]) == []


def test_a_carried_bound_is_made_again_at_its_share() -> None:
    """20 of 20 matches are members, of equal sides: logit(share ** (1 / 20)), the share of alpha among five audits."""
    rng = np.random.default_rng(2)
    labels = rng.random(200) < 0.5
    audits = [membership_cell(f"n{i}", rng.random(200), labels) for i in range(4)]
    rows = bound_rows([disclosure_cell((20, 0), (50, 50)), *audits])
    assert len(rows) == 5 and {row["alpha"] for row in rows} == {ALPHA / 5}
    [phantoms] = [row for row in rows if row["method"] == "phantoms"]
    share = (ALPHA / 5) ** (1 / 20)
    assert phantoms["epsilon"] == pytest.approx(np.log(share / (1 - share))) == phantoms["ceiling"]
    [alone] = bound_rows([disclosure_cell((20, 0), (50, 50))])
    assert alone["epsilon"] > phantoms["epsilon"] and alone["alpha"] == ALPHA


def test_a_carried_bound_is_shared_by_copies() -> None:
    echo = disclosure_cell((20, 0), (50, 50))
    run = any_run()
    run = run.model_copy(update={"key": echo.run_key, "entitlement": {COPIES: 4}})
    [alone], [shared] = bound_rows([echo]), bound_rows([echo], {run.key: run})
    assert (shared["epsilon"], shared["ceiling"]) == (alone["epsilon"] / 4, alone["ceiling"] / 4)


def test_a_carried_bound_that_does_not_follow_from_the_scores_is_left_out() -> None:
    echo = disclosure_cell((20, 0), (50, 50))
    fact = echo.facts["bound"] | {"epsilon": 7.0}
    assert bound_rows([echo.model_copy(update={"facts": {"bound": fact}})]) == []


def test_all_audits_of_a_row_hold_together() -> None:
    """Four one-run audits of 1-private responses and four disclosure tests at odds e^1: the rate of rows with any
    bound above the truth stays below ALPHA, though each test alone at ALPHA would fail about one row in three."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(60):
        cells = [membership_cell(f"c{i}", *responses(1.0, 400, rng)) for i in range(4)]
        right = rng.binomial(40, exp(1.0) / (1 + exp(1.0)), size=4)
        cells += [disclosure_cell((int(k), 40 - int(k)), (100, 100), key=f"echo{i}") for i, k in enumerate(right)]
        rows = bound_rows(cells)
        assert len(rows) == 8
        wrong += any(row["epsilon"] > 1.0 for row in rows)
    assert wrong <= 6  # binomial(60, 0.05) exceeds this once in 50


def test_of_an_informed_attack_one_canary_counts_of_every_run() -> None:
    labels = np.random.default_rng(0).random((2, 30, 50)) < 0.5
    seeds = [informed_cell(labels[s].astype(float), labels[s], key=f"i{s}", seed=s) for s in (0, 1)]
    [row] = bound_rows(seeds)
    assert (row["method"], row["seed"], row["attack"]) == ("informed audit", None, "knowing")
    assert row["epsilon"] == pytest.approx(row["ceiling"], abs=1e-3)
    share = ALPHA ** (1 / 30)  # 60 runs, half of them for the choice of how many to guess
    assert 1.5 < row["ceiling"] <= np.log(share / (1 - share)) + 1e-9
    [less] = bound_rows(seeds[:1])
    assert less["ceiling"] < row["ceiling"]
    assert bound_rows([informed_cell(labels[0, :19].astype(float), labels[0, :19])]) == []


def test_informed_audits_share_alpha_with_all_others() -> None:
    rng = np.random.default_rng(2)
    labels = rng.random((40, 5)) < 0.5
    cells = [membership_cell(f"n{i}", rng.random(200), rng.random(200) < 0.5) for i in range(2)]
    cells += [
        informed_cell(rng.random((40, 5)), labels, key=f"i{k}{s}", seed=s, variant=k) for k in "ab" for s in (0, 1)
    ]
    rows = bound_rows([*cells, disclosure_cell((20, 0), (50, 50))])
    assert len(rows) == 5 and {row["alpha"] for row in rows} == {ALPHA / 5}
    assert all(row["epsilon"] < 0.7 for row in rows if row["method"] != "phantoms")


def test_answers_to_all_others_prove_nothing_of_a_run() -> None:
    """All 200 guesses of a run are right together, half the time, though nothing is released.

    An attacker who knows the other canaries' coins guesses that an even number is in; as a ranked attack's, such
    guesses would refute any claim."""
    rng = np.random.default_rng(5)
    labels = rng.random((40, 200)) < 0.5
    guesses = (labels.sum(1, keepdims=True) - labels) % 2
    wrong = [
        bool(bound_rows([membership_cell("c", guesses[t].astype(float), labels[t])])[0]["epsilon"] > 2)
        for t in range(40)
    ]
    assert 10 < sum(wrong) < 30
    assert bound_rows([informed_cell(guesses, labels)])[0]["epsilon"] < 0.5


def test_the_noise_that_a_run_shares_refutes_no_true_claim() -> None:
    """A 1-private answer (Laplace noise of scale 1) to a question that every canary moves by 1: the one noise behind
    all guesses of a run puts members above others without an error, which is no guess better than 1-private ones."""
    rng = np.random.default_rng(6)
    between, within = [], []
    for _ in range(40):
        labels = rng.random((300, 60)) < 0.5
        scores = labels + rng.laplace(size=(300, 1))
        # One canary of every run counts, so a few are as good as all.
        between.append(bound_rows([informed_cell(scores[:, :4], labels[:, :4])])[0]["epsilon"])
        within.append(bound_rows([membership_cell("c", scores[0], labels[0])])[0]["epsilon"])
    assert np.mean(np.array(between) > 1.0) <= 0.15 and np.median(between) > 0.3
    assert np.mean(np.array(within) > 1.0) > 0.5
