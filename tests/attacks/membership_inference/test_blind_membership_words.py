"""The blind word model: labels that words give away score high, and no message is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from attacks.membership_inference.blind_membership_words import BlindMembershipWords
from harness.attack import Candidate, SuiteError
from harness.scenario import toy_records
from tests.stand_ins.gradient_world import deploy, gradient_view


def test_a_label_that_fits_the_words_scores_above_one_that_does_not(toy_folder: Path) -> None:
    view = gradient_view(deploy(toy_folder), content=False)
    view.public = view.public.__class__(auxiliary=toy_records()[:24], facts=view.public.facts)
    texts = list(toy_records()[24:])
    wrong = {"bank": "friend", "friend": "bank"}
    view.candidates = [Candidate(f"r{i}", r.text, r.label, "client1") for i, r in enumerate(texts)]
    view.candidates += [Candidate(f"w{i}", r.text, wrong[str(r.label)], "client1") for i, r in enumerate(texts)]
    guess = BlindMembershipWords().guess(view)
    right, flipped = ([guess[f"{kind}{i}"] for i in range(len(texts))] for kind in "rw")
    assert min(right) > max(flipped)


def test_it_refuses_auxiliary_records_of_one_class(toy_folder: Path) -> None:
    view = gradient_view(deploy(toy_folder), content=False)
    banks = tuple(record for record in toy_records() if record.label == "bank")
    view.public = view.public.__class__(auxiliary=banks, facts=view.public.facts)
    view.candidates = [Candidate("k", banks[0].text, "bank", "client1")]
    with pytest.raises(SuiteError, match="2 classes"):
        BlindMembershipWords().guess(view)
