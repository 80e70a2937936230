"""Checks against meaningless numbers: ids used twice, candidates that are both in and out, overlaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.data.record import content_id
from harness.scenario.membership import MembershipSecret
from harness.wire.facts import PublicTextFacts

if TYPE_CHECKING:
    from harness.scenario.deployment import Deployment

__all__ = ["deployment_problems"]


def deployment_problems(deployment: Deployment) -> Iterator[str]:
    """Sentences about everything that is wrong with who holds what; none for a sound deployment."""
    ids = Counter(item.id for plan in deployment.parties.values() for item in (*plan.items, *plan.records))
    if twice := [name for name, count in ids.items() if count > 1]:
        yield f"{len(twice)} item or record ids are used twice, such as {twice[0]!r}"
    for name, plan in deployment.parties.items():
        if unknown := sorted(deployment.knobs.keys() - plan.settings.keys()):
            yield f"party {name!r} has no settings {', '.join(unknown)}, which are knobs of its defense"
    yield from _candidate_problems(deployment)
    private = {content_id(r.text) for plan in deployment.parties.values() for r in plan.records}
    private |= {content_id(candidate.text) for candidate in deployment.candidates}  # shadow runs train on all of them
    open_texts = deployment.public.facts_of(PublicTextFacts)
    published = [*open_texts.texts] if open_texts else []
    published += [text for plan in deployment.parties.values() for text in plan.public_texts]
    public = {content_id(text) for text in published}
    auxiliary = {content_id(record.text) for record in deployment.public.auxiliary}
    for name, known in (("public", public), ("auxiliary", auxiliary)):
        if shared := private & known:
            yield f"{len(shared)} private records or candidates are {name} texts too: draw disjoint splits"


def _candidate_problems(deployment: Deployment) -> Iterator[str]:
    """Candidates have one text and party each, and are where their label says."""
    texts = Counter((c.party, content_id(c.text)) for c in deployment.candidates)
    if twice := [party for (party, _), count in texts.items() if count > 1]:
        yield f"{len(twice)} texts are candidates of one party twice, such as of {twice[0]!r}"
    secrets = [s for s in deployment.secrets.values() if isinstance(s, MembershipSecret)]
    held = {name: {content_id(r.text) for r in plan.records} for name, plan in deployment.parties.items()}
    for candidate in deployment.candidates:
        inside = content_id(candidate.text) in held.get(candidate.party, set())
        for secret in secrets:
            label = secret.labels.get(candidate.id)
            if label is None:
                yield f"candidate {candidate.id!r} has no label"
            elif inside and not label:
                yield f"candidate {candidate.id!r} is a non-member, but its party holds its text"
            elif label and not inside:
                yield f"candidate {candidate.id!r} is a member, but its party does not hold its text"
