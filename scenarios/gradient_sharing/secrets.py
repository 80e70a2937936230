"""Secrets of gradient_sharing and the truth about them: texts and labels of whole batches, and facts about clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.scenario import SUM, BagSecret, BatchTextSecret, Chosen, CountSecret, Record, Secret, TextSecret, Tokens
from scenarios.common.population import CURIOUS, Population
from scenarios.common.secrets import class_secrets, property_secrets
from scenarios.gradient_sharing.settings import Settings

__all__ = ["Batches", "attacked_batches", "secrets_of"]

FREQUENT = 100
"""Most frequent auxiliary tokens, which content metrics leave out."""
GUESSES = 4
"""Guesses that count for each text of a batch: a larger batch than the planned one holds texts beside those scored."""


@dataclass(frozen=True)
class Batches:
    """Records of the attacked rounds, by sender of the messages: the clients, or the sum of all."""

    senders: Mapping[str, tuple[str, ...]]
    """Sender -> ids of records."""
    held: Mapping[str, tuple[str, ...]]
    """Sender -> ids of all records that stand behind its messages."""


def attacked_batches(settings: Settings, population: Population, rounds: Sequence[int]) -> Batches:
    """The records that are scored: those of the attacked rounds' windows, of every client but the curious one.

    Ids are those of the parties' plans. A defense with larger batches has these among others.
    """
    windows = {}
    for party, records in population.records.items():
        rows = {(r * settings.window + i) % len(records) for r in rounds for i in range(settings.window)}
        windows[party] = tuple(records[row].id for row in sorted(rows))
    held = {party: tuple(record.id for record in records) for party, records in population.records.items()}
    victims = [party for party in windows if party != CURIOUS]
    if settings.aggregation == "sum":
        return Batches({SUM: sum((windows[p] for p in victims), ())}, {SUM: sum(held.values(), ())})
    return Batches({p: windows[p] for p in victims}, {p: held[p] for p in victims})


def secrets_of(
    settings: Settings,
    population: Population,
    chosen: Chosen,
    spans: Mapping[str, Record],
    batches: Batches,
    auxiliary: Sequence[Record],
    labels: Sequence[str],
    tokens: Tokens,
) -> dict[str, Secret]:
    """All secrets of the live run by name; those of the curious client are none.

    ``spans``: text -> its record, which knows personal information.
    """
    from harness.scenario import frequent_tokens, span_token_ranges

    limit = settings.max_tokens
    of = {record.id: record for records in population.records.values() for record in records}
    ids = {name: tuple(tokens.encode(record.text)[:limit]) for name, record in of.items()}
    scored = [name for group in batches.senders.values() for name in group]
    ranges = {
        name: span_token_ranges(tokens.offsets(of[name].text)[:limit], spans[of[name].text].spans)
        for name in scored
        if of[name].text in spans
    }
    frequent = frequent_tokens([tokens.encode(record.text)[:limit] for record in auxiliary], FREQUENT)
    texts = TextSecret(
        tokens={name: ids[name] for name in scored},
        spans=ranges,
        special_ids=tokens.special_ids,
        frequent_ids=frequent,
        decode=tokens.decode,
        ordered=False,
    )
    held = {
        sender: frozenset(str(tokens.decode(list(ids[name]))).strip() for name in names)
        for sender, names in batches.held.items()
    }
    most = GUESSES * max(len(group) for group in batches.senders.values())
    bags = {sender: tuple(t for name in group for t in ids[name]) for sender, group in batches.senders.items()}
    counts = {
        sender: {label: Counter(str(of[name].label) for name in group)[label] for label in labels}
        for sender, group in batches.senders.items()
    }
    secrets: dict[str, Secret] = {
        "batch_texts": BatchTextSecret(texts, batches.senders, held, most),
        "words": BagSecret(bags, tokens.special_ids, frequent),
        "count:batch": CountSecret(counts),
        **class_secrets(population),
        **property_secrets(population),
    }
    if chosen.candidates:
        secrets["membership"] = chosen.secret()
    return secrets
