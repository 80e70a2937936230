"""Facts and resources of a view that all families use: labels, parties, embeddings, auxiliary records, random draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.attack import SERVER, SUM, Floats, PopulationFacts, PublicTextFacts, SuiteError

if TYPE_CHECKING:
    from harness.attack import Public, View

__all__ = [
    "auxiliary_embeddings",
    "auxiliary_shares",
    "embeddings",
    "labels_of",
    "numpy_rng",
    "parties_of",
    "party_count",
    "population_of",
    "public_parties",
    "public_texts",
    "seeded_rng",
]


def labels_of(public: Public) -> tuple[str, ...]:
    """The public label set, in the order of logits' columns and of dense messages."""
    return public.need(PopulationFacts).labels


def embeddings(view: View, texts: Sequence[str]) -> Floats:
    """Embeddings ``[n, d]`` of texts by the deployment's public encoder."""
    return np.asarray(view.embed(list(texts)).double().numpy())


def auxiliary_embeddings(view: View) -> tuple[Floats, list[str]]:
    """Embeddings and labels of the attacker's own labelled records."""
    labelled = [record for record in view.public.auxiliary if record.label is not None]
    if not labelled:
        raise SuiteError("attacks on prototypes need labelled auxiliary records: the scenario gives the attacker none")
    return embeddings(view, [r.text for r in labelled]), [str(r.label) for r in labelled]


def auxiliary_shares(view: View) -> dict[str, float]:
    """Class -> share among the auxiliary records, each class counted once more so that none is ruled out."""
    labels = labels_of(view.public)
    own = Counter(record.label for record in view.public.auxiliary if record.label in labels)
    return {label: (own[label] + 1) / (own.total() + len(labels)) for label in labels}


def public_parties(view: View) -> tuple[str, ...]:
    """The private parties that are public, or those that candidates are asked about."""
    return population_of(view.public).parties or tuple(dict.fromkeys(one.party for one in view.candidates))


def parties_of(view: View) -> tuple[str, ...]:
    """The private parties: public, or else those that candidates are asked about and those that sent something."""
    senders = [s.sender for s in view.transcript if s.sender not in (SERVER, SUM)]
    return population_of(view.public).parties or tuple(dict.fromkeys([*public_parties(view), *senders]))


def population_of(public: Public) -> PopulationFacts:
    """All that is public about the parties and their records; the defaults where nothing is."""
    return public.facts_of(PopulationFacts) or PopulationFacts()


def party_count(public: Public) -> int:
    """Number of the public parties, at least 1."""
    return max(len(population_of(public).parties), 1)


def public_texts(public: Public) -> tuple[str, ...]:
    """The texts that everybody has, in their order; none where nothing is said of them."""
    known = public.facts_of(PublicTextFacts)
    return known.texts if known else ()


def seeded_rng(view: View) -> np.random.Generator:
    """A NumPy generator with the initial seed of the view's, whatever was drawn from that one since."""
    return np.random.default_rng(int(view.rng.initial_seed()) % 2**63)


def numpy_rng(view: View) -> np.random.Generator:
    """A NumPy generator seeded by the next draw of the view's."""
    import torch

    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=view.rng)))
