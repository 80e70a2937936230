"""Toy attacks on membership in the toy protocol, a suite that runs them, and a bank of shadow runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from harness.adversary.shadows import ShadowBank
from harness.attack import Attack, Guess, View
from harness.plugins.submission import Submission
from harness.runtime.runner import Runner
from harness.scenario.deployment import Deployment
from harness.store.archive import Archive
from harness.store.schema import Score
from harness.wire.coalition import SERVER, Coalition

__all__ = ["ATTACKS", "ENTRY", "EYE", "SUITE", "Nearness", "Nothing", "bank_of"]

ATTACKS = [{"name": "nearness", "secret": "membership"}, {"name": "nothing", "secret": "membership"}]
ENTRY = {
    "name": "pool",
    "scenario": "pooling",
    "seeds": [0],
    "entitlement": {"shadow_budget": 2},
    "attacks": ATTACKS,
}
SUITE = {"name": "toy", "version": 1, "title": "toy", "threads": 1, "entries": [ENTRY]}
EYE = Coalition("server", sees_server=True)


class Nearness(Attack):
    """Distance of the candidate's embedding to the mean its party sent, measured against shadow members."""

    name: ClassVar[str] = "nearness"
    secret: ClassVar[str] = "membership"

    def guess(self, view: View) -> Guess:
        assert all(shadow.members.keys() == {c.id for c in view.candidates} for shadow in view.shadows())
        sent = {s.sender: s.message["means"] for s in view.transcript if s.receiver == SERVER}
        vectors = view.embed([c.text for c in view.candidates])
        return {
            c.id: -float((sent[c.party] - x).norm(dim=1).min()) for c, x in zip(view.candidates, vectors, strict=True)
        }

    def facts(self, scores: Sequence[Score]) -> Mapping[str, Any]:
        return {"scored": len(scores)}


class Nothing(Attack):
    """The blind guess."""

    name: ClassVar[str] = "nothing"
    secret: ClassVar[str] = "membership"
    blind: ClassVar[bool] = True

    def guess(self, view: View) -> Guess:
        return {c.id: 0.0 for c in view.candidates}


def bank_of(runner: Runner, pooled: Deployment, submission: Submission | None, **options: Any) -> ShadowBank:
    values: Mapping[str, Any] = {"archive": Archive(), "budget": 3, **options}
    return ShadowBank(runner, pooled, submission, 0, "honest", ("suite", 0), "defended", "plain", **values)
