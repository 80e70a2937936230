"""Secrets of logit_kd: an edge is asked about its own clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ProtocolError
from harness.scenario.membership import MembershipSecret
from tests.stand_ins.toy_logits import deploy


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
