"""Lower bounds on epsilon from membership cells, with mechanisms of known epsilon."""

from __future__ import annotations

from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.score.audit import disclosure_bound
from harness.store.files import Record
from harness.store.privacy_schema import Verdict
from harness.store.schema import CellRecord, RunRecord, Score
from leaderboard.bounds import ALPHA, COPIES, bound_rows
from leaderboard.build import build_board
from leaderboard.bundles import write_bundle
from leaderboard.claims import refuted_empirically
from leaderboard.queries import open_board
from tests.leaderboard.make import TINY, Defended, records


def cell(name: str, scores: np.ndarray, labels: np.ndarray, **changes: Any) -> CellRecord:
    """A membership cell with these canaries in its live run, and a shadow's that must not count."""
    plain = next(one for one in records(TINY[:1]) if isinstance(one, CellRecord) and one.role == "attack")
    rows = [
        Score(record=f"{target}:k{i}", metric=metric, value=float(value))
        for target in (0, 1)
        for i, (score, label) in enumerate(zip(scores, labels, strict=True))
        for metric, value in (("score", score if target == 0 else -score), ("label", label), ("canary", 1))
    ]
    return plain.model_copy(update={"name": name, "key": name, "scores": tuple(rows), **changes})


def responses(epsilon: float, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Randomised responses: exactly epsilon-private answers about independent fair coins."""
    labels = rng.random(count) < 0.5
    right = rng.random(count) < exp(epsilon) / (1 + exp(epsilon))
    return np.where(right, labels, ~labels).astype(float), labels


def test_a_perfect_attack_reaches_its_ceiling() -> None:
    labels = np.random.default_rng(0).random(300) < 0.5
    [row] = bound_rows([cell("perfect", labels.astype(float), labels)])
    assert row["epsilon"] == pytest.approx(row["ceiling"], abs=1e-3) and row["ceiling"] > 3
    assert row["alpha"] == ALPHA and row["method"] == "one-run audit"


def test_a_record_has_its_share_of_what_is_proven_for_its_copies() -> None:
    labels = np.random.default_rng(0).random(300) < 0.5
    one = cell("perfect", labels.astype(float), labels)
    run = next(r for r in records(TINY[:1]) if isinstance(r, RunRecord))
    run = run.model_copy(update={"key": one.run_key, "entitlement": {COPIES: 4}})
    [alone], [shared] = bound_rows([one]), bound_rows([one], {run.key: run})
    assert (shared["epsilon"], shared["ceiling"]) == (alone["epsilon"] / 4, alone["ceiling"] / 4)


def test_bounds_of_a_known_mechanism_hold_and_are_not_idle() -> None:
    rng = np.random.default_rng(1)
    found = [bound_rows([cell(f"c{i}", *responses(2.0, 2000, rng))])[0]["epsilon"] for i in range(40)]
    assert np.mean(np.array(found) > 2.0) <= 0.15
    assert np.median(found) > 1.2


def test_noise_proves_nothing_and_audits_share_alpha() -> None:
    rng = np.random.default_rng(2)
    labels = rng.random(200) < 0.5
    rows = bound_rows([cell(f"n{i}", rng.random(200), labels) for i in range(5)])
    assert {row["alpha"] for row in rows} == {ALPHA / 5}
    assert all(row["epsilon"] < 0.5 for row in rows)


def disclosure(matched: tuple[int, int], sizes: tuple[int, int], **changes: Any) -> CellRecord:
    """A cell that carries the bound of a disclosure test on these counts, of average records."""
    labels = np.arange(sum(sizes)) < sizes[0]
    hits = np.concatenate([np.arange(size) < hit for hit, size in zip(matched, sizes, strict=True)])
    rows = [
        Score(record=f"0:r{i}", metric=metric, value=float(value))
        for i, (hit, label) in enumerate(zip(hits, labels, strict=True))
        for metric, value in (("score", 3 * hit), ("label", label), ("canary", 0))
    ]
    found = disclosure_bound(*matched, *sizes, alpha=0.05)
    fact = {"epsilon": found.epsilon, "ceiling": 9.0, "p_value": 0.01, "alpha": 0.05}
    return cell("echo", np.ones(1), np.ones(1)).model_copy(
        update={"key": "echo", "scores": tuple(rows), "facts": {"bound": fact}, **changes}
    )


def test_failed_cells_and_few_canaries_have_no_bound() -> None:
    labels = np.arange(10) % 2 == 0
    few = cell("few", labels.astype(float), labels)
    failed = cell("failed", np.ones(50), np.ones(50, dtype=bool), status="error")
    assert bound_rows([few, failed]) == []


def test_a_carried_bound_is_made_again_at_its_share() -> None:
    """20 of 20 matches are members, of equal sides: logit(share ** (1 / 20)), the share of alpha among five audits."""
    rng = np.random.default_rng(2)
    labels = rng.random(200) < 0.5
    audits = [cell(f"n{i}", rng.random(200), labels) for i in range(4)]
    rows = bound_rows([disclosure((20, 0), (50, 50)), *audits])
    assert len(rows) == 5 and {row["alpha"] for row in rows} == {ALPHA / 5}
    [phantoms] = [row for row in rows if row["method"] == "phantoms"]
    share = (ALPHA / 5) ** (1 / 20)
    assert phantoms["epsilon"] == pytest.approx(np.log(share / (1 - share))) == phantoms["ceiling"]
    [alone] = bound_rows([disclosure((20, 0), (50, 50))])
    assert alone["epsilon"] > phantoms["epsilon"] and alone["alpha"] == ALPHA


def test_a_carried_bound_is_shared_by_copies() -> None:
    one = disclosure((20, 0), (50, 50))
    run = next(r for r in records(TINY[:1]) if isinstance(r, RunRecord))
    run = run.model_copy(update={"key": one.run_key, "entitlement": {COPIES: 4}})
    [alone], [shared] = bound_rows([one]), bound_rows([one], {run.key: run})
    assert (shared["epsilon"], shared["ceiling"]) == (alone["epsilon"] / 4, alone["ceiling"] / 4)


def test_a_carried_bound_that_does_not_follow_from_the_scores_is_left_out() -> None:
    one = disclosure((20, 0), (50, 50))
    fact = one.facts["bound"] | {"epsilon": 7.0}
    assert bound_rows([one.model_copy(update={"facts": {"bound": fact}})]) == []


def test_all_audits_of_a_row_hold_together() -> None:
    """Four one-run audits of 1-private responses and four disclosure tests at odds e^1: the rate of rows with any
    bound above the truth stays below ALPHA, though each test alone at ALPHA would fail about one row in three."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(60):
        cells = [cell(f"c{i}", *responses(1.0, 400, rng)) for i in range(4)]
        right = rng.binomial(40, exp(1.0) / (1 + exp(1.0)), size=4)
        cells += [disclosure((int(k), 40 - int(k)), (100, 100), key=f"echo{i}") for i, k in enumerate(right)]
        rows = bound_rows(cells)
        assert len(rows) == 8
        wrong += any(row["epsilon"] > 1.0 for row in rows)
    assert wrong <= 6  # binomial(60, 0.05) exceeds this once in 50


def informed(scores: np.ndarray, labels: np.ndarray, **changes: Any) -> CellRecord:
    """A cell of an informed attack: scores and truth ``[targets, canaries]``, and an average record of each target."""
    rows = [
        Score(record=f"{target}:k{i}", metric=metric, value=float(value))
        for target in range(len(scores))
        for i in range(scores.shape[1])
        for metric, value in (("score", scores[target, i]), ("label", labels[target, i]), ("canary", 1))
    ]
    rows += [
        Score(record=f"{target}:average", metric=metric, value=value)
        for target in range(len(scores))
        for metric, value in (("score", 1e9), ("label", 0.0), ("canary", 0.0))
    ]
    made = cell("knowing", np.ones(1), np.ones(1))
    return made.model_copy(update={"role": "informed", "scores": tuple(rows), "key": "i0", **changes})


def test_of_an_informed_attack_one_canary_counts_of_every_run() -> None:
    labels = np.random.default_rng(0).random((2, 30, 50)) < 0.5
    seeds = [informed(labels[s].astype(float), labels[s], key=f"i{s}", seed=s) for s in (0, 1)]
    [row] = bound_rows(seeds)
    assert (row["method"], row["seed"], row["attack"]) == ("informed audit", None, "knowing")
    assert row["epsilon"] == pytest.approx(row["ceiling"], abs=1e-3)
    share = ALPHA ** (1 / 30)  # 60 runs, half of them for the choice of how many to guess
    assert 1.5 < row["ceiling"] <= np.log(share / (1 - share)) + 1e-9
    [less] = bound_rows(seeds[:1])
    assert less["ceiling"] < row["ceiling"]
    assert bound_rows([informed(labels[0, :19].astype(float), labels[0, :19])]) == []


def test_informed_audits_share_alpha_with_all_others() -> None:
    rng = np.random.default_rng(2)
    labels = rng.random((40, 5)) < 0.5
    cells = [cell(f"n{i}", rng.random(200), rng.random(200) < 0.5) for i in range(2)]
    cells += [informed(rng.random((40, 5)), labels, key=f"i{k}{s}", seed=s, variant=k) for k in "ab" for s in (0, 1)]
    rows = bound_rows([*cells, disclosure((20, 0), (50, 50))])
    assert len(rows) == 5 and {row["alpha"] for row in rows} == {ALPHA / 5}
    assert all(row["epsilon"] < 0.7 for row in rows if row["method"] != "phantoms")


def test_answers_to_all_others_prove_nothing_of_a_run() -> None:
    """Nothing is released at all, and all 200 guesses of a run are right together, half the time: whoever knows the
    other canaries' coins guesses that an even number is in. As a ranked attack's they would refute any claim."""
    rng = np.random.default_rng(5)
    labels = rng.random((40, 200)) < 0.5
    guesses = (labels.sum(1, keepdims=True) - labels) % 2
    wrong = [bool(bound_rows([cell("c", guesses[t].astype(float), labels[t])])[0]["epsilon"] > 2) for t in range(40)]
    assert 10 < sum(wrong) < 30
    assert bound_rows([informed(guesses, labels)])[0]["epsilon"] < 0.5


def test_the_noise_that_a_run_shares_refutes_no_true_claim() -> None:
    """A 1-private answer (Laplace noise of scale 1) to a question that every canary moves by 1: the one noise behind
    all guesses of a run puts members above others without an error, which is no guess better than 1-private ones."""
    rng = np.random.default_rng(6)
    between, within = [], []
    for _ in range(40):
        labels = rng.random((300, 60)) < 0.5
        scores = labels + rng.laplace(size=(300, 1))
        between.append(bound_rows([informed(scores, labels)])[0]["epsilon"])
        within.append(bound_rows([cell("c", scores[0], labels[0])])[0]["epsilon"])
    assert np.mean(np.array(between) > 1.0) <= 0.15 and np.median(between) > 0.3
    assert np.mean(np.array(within) > 1.0) > 0.5


def test_a_claim_is_held_against_the_attacker_it_is_about() -> None:
    labels = np.random.default_rng(0).random((80, 20)) < 0.5
    one, verdict = informed(labels.astype(float), labels), claimed(1.0, 1e-5)
    rows = bound_rows([one], claiming(verdict, one))
    assert rows[0]["delta"] == 1e-5
    [flag] = refuted_empirically([verdict], rows)
    assert flag.id == "claim_refuted" and "by knowing" in (flag.detail or "")
    assert not refuted_empirically([claimed(4.0, 1e-5)], rows)


def claimed(epsilon: float, delta: float = 0.0, **changes: str) -> Verdict:
    said = {"unit": "record", "adjacency": "add_remove", "view": "server"} | changes
    return Verdict(status="unverified", reason="made elsewhere", claimed=epsilon, delta=delta, **said)


def claiming(verdict: Verdict, one: CellRecord) -> dict[str, RunRecord]:
    run = next(r for r in records(TINY[:1]) if isinstance(r, RunRecord))
    return {one.run_key: run.model_copy(update={"key": one.run_key, "verdict": verdict})}


@pytest.mark.parametrize(
    ("verdict", "flagged"),
    [
        (claimed(1.0), True),
        (claimed(1.0, 1e-6), True),
        (claimed(3.0, 1e-6), False),
        (claimed(1.0, 0.4), False),
        (claimed(1.0, unit="vector"), False),
        (claimed(1.0, adjacency="replace"), False),
        (claimed(1.0, view="client"), False),
    ],
)
def test_a_claim_below_what_is_proven_is_refuted(verdict: Verdict, flagged: bool) -> None:
    """2.5-private responses: epsilon 1 is refuted at a delta that explains nothing, never at one that explains all."""
    one = cell("c", *responses(2.5, 2000, np.random.default_rng(3)))
    rows = bound_rows([one], claiming(verdict, one))
    flags = refuted_empirically([verdict], rows)
    assert [flag.id for flag in flags] == ["claim_refuted"] * flagged
    if flagged:
        assert rows[0]["delta"] == verdict.delta
        assert flags[0].detail.startswith(f"refuted empirically: epsilon is at least {rows[0]['epsilon']:.3g}")


def test_a_bound_at_delta_zero_refutes_no_claim_with_a_delta() -> None:
    bound = {"attack": "a", "variant": "", "coalition": "server", "epsilon": 5.0, "delta": 0.0}
    assert refuted_empirically([claimed(1.0)], [bound])
    assert not refuted_empirically([claimed(1.0, 1e-9)], [bound])


def test_the_board_says_which_claims_are_refuted(tmp_path: Path) -> None:
    """Perfect membership guesses against two claims: the small one is refuted, the large one only unverified."""
    found: list[Record] = []
    labels = np.random.default_rng(0).random(300) < 0.5
    for record in records((TINY[0], Defended("modest"), Defended("bold")), n=8):
        if isinstance(record, RunRecord) and record.submission != "none":
            epsilon = {"modest": 30.0, "bold": 0.5}[record.submission]
            record = record.model_copy(update={"verdict": claimed(epsilon, 1e-5)})
        elif isinstance(record, CellRecord) and (record.role, record.seed) == ("attack", 0):
            lira = cell(record.key, labels.astype(float), labels)
            values = {"key": f"{record.key}-lira", "name": "lira", "secret": "membership", "scores": lira.scores}
            found.append(record.model_copy(update=values))
        found.append(record)
    write_bundle(tmp_path / "records.jsonl.gz", found)
    board = open_board(build_board([tmp_path], tmp_path / "board.duckdb"))
    rows = board.board().set_index("submission")
    assert all("refuted empirically" in notes for notes in rows.loc["bold", "notes"])
    assert set(rows.loc["bold", "verified"]) == {"refuted"}
    assert not any("claim_refuted" in flags for name in ("none", "modest") for flags in rows.loc[name, "flags"])
    bounds = board.bounds()
    assert set(bounds["delta"]) == {0.0, 1e-5} and set(bounds.loc[bounds["submission"] == "none", "delta"]) == {0.0}
