"""Every registered attack: its name is that of its file, in the family of what it guesses."""

from __future__ import annotations

import importlib
import inspect

import pytest

from harness.attack import Attack
from harness.plugins.registry import load

FAMILIES = (
    "embedding_inversion",
    "extraction",
    "gradient_leakage",
    "label_inference",
    "membership_inference",
    "property_inference",
)
TABLES = {family: importlib.import_module(f"attacks.{family}").ATTACKS for family in FAMILIES}
REGISTERED = [(family, name) for family, table in TABLES.items() for name in table]
SECRETS = {
    "embedding_inversion": {"text", "membership"},
    "extraction": {"membership"},
    "gradient_leakage": {"batch_texts", "words", "count"},
    "label_inference": {"label_distribution", "class_presence", "count", "topic_distribution", "label"},
    "membership_inference": {"membership"},
    "property_inference": {"attribute", "property"},
}
"""Family -> secrets that its attacks guess at; records behind a mean are text and membership at once."""


@pytest.mark.parametrize(("family", "name"), REGISTERED)
def test_every_attack_is_found_and_described(family: str, name: str) -> None:
    attack = load("attack", name)
    assert inspect.isclass(attack) and issubclass(attack, Attack)
    assert attack.name == name and attack.summary and attack.source
    assert attack.secret in SECRETS[family]


@pytest.mark.parametrize(("family", "name"), REGISTERED)
def test_the_name_of_an_attack_is_that_of_its_file(family: str, name: str) -> None:
    assert TABLES[family][name].partition(":")[0] == f"attacks.{family}.{name}"


@pytest.mark.parametrize("family", FAMILIES)
def test_tables_are_sorted(family: str) -> None:
    assert list(TABLES[family]) == sorted(TABLES[family])
