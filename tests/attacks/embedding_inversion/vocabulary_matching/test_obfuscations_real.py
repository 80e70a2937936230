"""Obfuscations of real hidden states, each a submission of a few lines in a real worker: all of them are read."""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from textwrap import dedent, indent

import pytest
import torch

from attacks.embedding_inversion.vocabulary_matching import VocabularyMatching
from harness.plugins.submission import Submission
from harness.runtime.execution import Execution
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from scenarios.split_llm.build import build
from scenarios.split_llm.settings import Settings
from tests.stand_ins.live_view import live_view

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        "LEAKBOARD_OBFUSCATIONS" not in os.environ,
        reason="what is reached was never measured: set LEAKBOARD_OBFUSCATIONS=1 and an hour of an idle machine aside",
    ),
]

LEAST = 0.9
"""Content-token accuracy."""


def sending(lines: str, setup: str = "") -> str:
    """A submission that sends ``out``, which ``lines`` make of the states ``x [T, 576]``."""
    made = f"    def setup(self, records, public):\n{indent(dedent(setup), ' ' * 8)}\n" if setup else ""
    return (
        f"class Plugin(Defense):\n{made}    def send(self, message):\n        x = message['hidden'].clone()\n"
        f"{indent(dedent(lines), ' ' * 8)}\n        return message.replace(hidden=out.float().contiguous())\n"
    )


def top(share: float) -> str:
    count = max(1, int(share * 576))
    return sending(f"out = x * (x.abs() >= x.abs().topk({count}, dim=1).values[:, -1:])")


def preparing(text: str, before: str = "") -> str:
    """A submission that rewrites every ``text`` before the protocol."""
    return f"""
from dataclasses import replace

{before}
class Plugin(Defense):
    def prepare(self, records, settings):
        return [replace(r, text={text}) for r in records]
"""


KEYBOARD = f"TABLE = str.maketrans({string.ascii_lowercase!r}, 'qwertyuiopasdfghjklzxcvbnm')\n"
WORDS = """
def swap(text):
    words = text.split(" ")
    return " ".join(w[1:] + w[:1] for w in words)
"""
SEEDED = "generator=torch.Generator().manual_seed"

OBFUSCATIONS = {
    "half of the coordinates": top(0.5),
    "a fifth of the coordinates": top(0.2),
    "a tenth of the coordinates": top(0.1),
    "a twentieth of the coordinates": top(0.05),
    "two in a hundred coordinates": top(0.02),
    "magnitudes": sending("out = x.abs()"),
    "signs and four bits": sending(
        "step = x.abs().amax(1, keepdim=True) / 7\nout = x.sign() * (x.abs() / step).round() * step"
    ),
    "tanh": sending("out = torch.tanh(x)"),
    "cube roots": sending("out = x.sign() * x.abs() ** (1 / 3)"),
    "sorted, order sent": sending(
        "kept, order = x[:, :288].sort(dim=1)\nout = torch.cat([kept, order], 1)",
    ),
    "projected to 64 dimensions": sending(f"p = torch.randn(576, 64, {SEEDED}(1)) / 8\nout = x @ p @ p.T"),
    "every other coordinate": sending("out = x\nout[:, ::2] = 0"),
    "running sums of coordinates": sending("out = x.cumsum(1)"),
    "running sums of positions": sending("out = x.cumsum(0)"),
    "a rotation of the deployment": sending(
        "out = x @ self.q", "self.q = torch.linalg.qr(torch.randn(576, 576, generator=self.me.generator)).Q"
    ),
    "a random factor of each row": sending(
        "out = x * (0.2 + 4.3 * torch.rand(len(x), 1, generator=self.me.generator))"
    ),
    "a public rotation": sending(f"out = x @ torch.linalg.qr(torch.randn(576, 576, {SEEDED}(2))).Q"),
    "permuted": sending(f"out = x[:, torch.randperm(576, {SEEDED}(7))]"),
    "scaled": sending("out = 3.7 * x"),
    "noise from a seed": sending(f"out = x + 4 * torch.randn(x.shape, {SEEDED}(5))"),
    "eight bits": "from harness import pack_int8\n\nclass Plugin(Defense):\n    def send(self, message):\n"
    "        return message.replace(hidden=pack_int8(message['hidden']))\n",
    "rows backwards": sending("out = x.flip(0)"),
    "rows less their mean": sending("out = x - x.mean(0)"),
    "rows in random order, key in clear": sending(
        "order = torch.randperm(len(x), generator=self.me.generator)\nout = x[order]\nout[:, 0] = order.float()"
    ),
    "dummy rows in random order, key in clear": sending(
        """
        # Two rows in one of twice the length, halved; the rows that this makes free are dummies.
        half = x[:, ::2]
        two = torch.cat([half[::2][: len(x) // 2], half[1::2]], 1)
        last = x[-1:] if len(x) % 2 else x[:0]
        dummies = x.std() * torch.randn(len(x) - len(two) - len(last), 576, generator=self.me.generator)
        out = torch.cat([two, last, dummies])
        order = torch.randperm(len(x), generator=self.me.generator)
        out = out[order]
        out[:, 0] = order.float()
        """
    ),
    "a word in front": preparing("'well ' + r.text"),
    "a cipher of letters": preparing("r.text.translate(TABLE)", KEYBOARD),
    "a cipher of words": preparing("swap(r.text)", WORDS),
}
UNREAD = {
    "rows less their mean": "every row depends on all later ones",
    "rows in random order, key in clear": "rows are looked for where they stood",
    "dummy rows in random order, key in clear": "rows are looked for where they stood",
    "a cipher of letters": "rewritten texts are longer, and their ends never leave",
    "a cipher of words": "rewritten texts are longer, and their ends never leave",
}
"""Obfuscations that the attack is not known to read, and why it may not."""


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    torch.set_num_threads(1)
    with Runner(threads=1) as runner:
        yield runner


@cache
def deployment(known: int) -> Deployment:
    """Real short messages at block 7 of SmolLM2-135M, as the quick suite has them."""
    settings = Settings(
        model="smollm2-135m-instruct",
        data="sms_spam",
        task="classification",
        topology="head-tail",
        cut="25%",
        prefix="Text message: ",
        suffix="\nFrom:",
        label_words={"spam": " company", "ham": " friend"},
        max_tokens=16,
        records=8,
        auxiliary=180,
        public=48,
        known=known,
    )
    return build(settings, ("obfuscations", 0))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=False, reason=UNREAD[name])) if name in UNREAD else name
        for name in OBFUSCATIONS
    ],
)
def test_an_obfuscation_is_read(runner: Runner, submission: Callable[..., Submission], name: str) -> None:
    # The least number of known tokens with which a rotation of the deployment is scored: 1,024.
    texts = deployment(72 if name == "a rotation of the deployment" else 0)
    made = submission(OBFUSCATIONS[name])
    view = live_view(runner, texts, submission=made, outcome=runner.execute(texts, Execution(made)))
    secret = texts.secrets["text"]
    view = replace(view, secret_items=frozenset(secret.records))
    try:
        guess = VocabularyMatching(texts=180, probes=50, simulated=8, width=1, fan=8).guess(view)
    finally:
        view.simulations.defenses.close()
    scores = [s.value for s in secret.score(guess) if s.metric == "content_token_accuracy" and s.value is not None]
    reached = sum(scores) / len(scores)
    assert reached >= LEAST, f"{name}: content-token accuracy {reached:.3f}"
