"""Obfuscations that protect nothing must come out as leaking: the adaptive suite on SmolLM2, cut at block 8.

Each is run through the whole harness, in a worker, with known pairs of the live deployment, as any submission is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.evaluation.evaluate import evaluate
from harness.plugins.submission import Submission

SUITE = """
name = "known_bad"
version = 1
title = "known-bad obfuscations"
threads = 2

[[entries]]
name = "sms-block8"
scenario = "split_llm"
seeds = [0]

[entries.entitlement]
simulate_budget = 64

[entries.settings]
model = "smollm2-135m-instruct"
data = "sms_spam"
task = "classification"
cut = 8
suffix = "\\nFrom:"
label_words = { spam = " company", ham = " friend" }
max_tokens = 20
records = 8
auxiliary = 400
public = 16
known = 80

[[entries.attacks]]
name = "blind_tokens"

[[entries.attacks]]
name = "vocabulary_matching"
variants = ["adaptive"]
control = { metric = "token_accuracy", at_least = 0.97 }
"""

OBFUSCATIONS = {
    "rotation": """
    class Plugin(Defense):
        def setup(self, records, public):
            square = torch.randn(576, 576, generator=self.me.generator)
            self.rotation = torch.linalg.qr(square).Q

        def send(self, message):
            return message.replace(hidden=message["hidden"] @ self.rotation)
    """,
    "permutation": """
    class Plugin(Defense):
        def setup(self, records, public):
            self.order = torch.randperm(576, generator=self.me.generator)

        def send(self, message):
            return message.replace(hidden=message["hidden"][:, self.order])
    """,
    "scaling": """
    class Plugin(Defense):
        def setup(self, records, public):
            self.factor = 0.1 + float(torch.rand(1, generator=self.me.generator))

        def send(self, message):
            return message.replace(hidden=message["hidden"] * self.factor)
    """,
    "fixed_seed_noise": """
    class Plugin(Defense):
        def setup(self, records, public):
            self.seed = int(torch.randint(2**31, (1,), generator=self.me.generator))
            self.size = public.settings["typical_norm"]["l2"] / 24

        def send(self, message):
            hidden = message["hidden"]
            noise = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(self.seed))
            return message.replace(hidden=hidden + 2 * self.size * noise)
    """,
    "rounding": """
    from harness import pack_int8

    class Plugin(Defense):
        def send(self, message):
            return message.replace(hidden=pack_int8(message["hidden"]))
    """,
}


class Silent:
    """Reports nothing."""

    def asset(self, label: str, done: int, total: int) -> None: ...
    def plan(self, total_cells: int) -> None: ...
    def start(self, cell_label: str) -> None: ...
    def done(self, cell_label: str, status: str, seconds: float) -> None: ...


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all obfuscations, so that the undefended cells are computed once."""
    place = tmp_path_factory.mktemp("known_bad")
    (place / "known_bad.toml").write_text(SUITE)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("name", OBFUSCATIONS)
def test_known_bad_obfuscations_leak(name: str, folder: Path, submission: Callable[..., Submission]) -> None:
    plugin = submission(OBFUSCATIONS[name], name=name)
    report = evaluate(plugin.folder, folder / "known_bad.toml", folder / "s.duckdb", progress=Silent())
    (row,) = report.rows
    assert row.status == "ok", (row.reason, row.flags)
    assert row.privacy is not None
    assert 1.0 - row.privacy > 0.9, row
