"""Secrets of split_llm and the truth about them: the private texts, and binary attributes of them."""

from __future__ import annotations

from collections.abc import Mapping

from harness.scenario import AttributeSecret, Secret, Splits, SuiteError, TextSecret, Tokens
from scenarios.split_llm.settings import Settings

__all__ = ["secrets_of"]

FREQUENT = 100
"""Most frequent auxiliary tokens, which content metrics leave out."""


def secrets_of(settings: Settings, splits: Splits, tokens: Tokens, ids: Mapping[str, str]) -> dict[str, Secret]:
    """All secrets of the live run by name; ``ids``: record id -> id of its session.

    Raises:
        SuiteError: an attribute that does not vary over the private records.
    """
    from harness.scenario import frequent_tokens, span_token_ranges

    limit = settings.max_tokens
    scored = {ids[r.id]: r for r in splits.private}
    attacked = dict(list(scored.items())[: settings.attacked or None])
    secrets: dict[str, Secret] = {
        "text": TextSecret(
            tokens={key: tuple(tokens.encode(r.text)[:limit]) for key, r in attacked.items()},
            spans={key: span_token_ranges(tokens.offsets(r.text)[:limit], r.spans) for key, r in attacked.items()},
            special_ids=tokens.special_ids,
            frequent_ids=frequent_tokens([tokens.encode(r.text)[:limit] for r in splits.auxiliary], FREQUENT),
            decode=tokens.decode,
        )
    }
    for name in filter(None, (settings.attribute, "planted" if settings.planted else "")):
        labels = {key: r.attributes[name] for key, r in scored.items() if name in r.attributes}
        if len(set(labels.values())) < 2:
            raise SuiteError(f"attribute {name!r} does not vary over the private records of {settings.data!r}")
        secrets[f"attribute:{name}"] = AttributeSecret(labels)
    return secrets
