"""The contract check: shipped submissions pass, and broken ones are told everything at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.evaluation.contract_check import check_submission
from harness.plugins.submission import Submission

SHIPPED = sorted(p.parent for p in (Path(__file__).parents[3] / "submissions").glob("*/submission.toml"))
ALWAYS = ("gaussian_noise", "logit_top_k")
"""Each of the others takes seconds."""


@pytest.mark.usefixtures("shared_workers")
@pytest.mark.parametrize(
    "folder", [pytest.param(p, id=p.name, marks=() if p.name in ALWAYS else pytest.mark.slow) for p in SHIPPED]
)
def test_shipped_submissions_pass(folder: Path) -> None:
    assert check_submission(folder) == []


@pytest.mark.usefixtures("shared_workers")
def test_unseeded_randomness_is_reported(submission: Callable[..., Submission]) -> None:
    unseeded = submission("""
    class Plugin(Defense):
        def send(self, message):
            fresh = torch.Generator()
            fresh.seed()
            return message.replace(hidden=message["hidden"] + torch.randn(message["hidden"].shape, generator=fresh))
    """)
    (problem,) = check_submission(unseeded.folder)
    assert "same seed sent different bytes" in problem


@pytest.mark.usefixtures("shared_workers")
def test_an_answer_that_is_no_message_is_reported(submission: Callable[..., Submission]) -> None:
    (problem,) = check_submission(submission("class Plugin(Defense):\n    def send(self, m): return None\n").folder)
    assert "NoneType" in problem


def test_a_manifest_with_several_problems_reports_all_of_them(submission: Callable[..., Submission]) -> None:
    folder = submission("class Plugin(Defense): pass\n").folder
    manifest = folder / "submission.toml"
    manifest.write_text(manifest.read_text().replace('title = "test"', "colour = 3").replace("Plugin", "Missing"))
    problems = check_submission(folder)
    assert len(problems) >= 3
