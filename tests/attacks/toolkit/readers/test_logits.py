from __future__ import annotations

from attacks.toolkit.readers.logits import asked
from tests.stand_ins.logit_world import asked_view


def test_candidates_are_found_by_id_or_by_text() -> None:
    view = asked_view(copies=2, shadows=0)
    by_id = asked(view)
    assert all(len(by_id[c.id]) == 3 and view.own["queries"][by_id[c.id][0]] == c.text for c in view.candidates)
    view.own = {"queries": view.own["queries"]}
    assert {c: rows.tolist() for c, rows in asked(view).items()} == {c: r[:1].tolist() for c, r in by_id.items()}
