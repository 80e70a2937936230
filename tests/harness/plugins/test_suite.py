from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import ManifestError, UnknownName
from harness.plugins.suite import load_suite, quick_suite
from harness.util.keys import key
from tests import toml_writer

GOOD: dict[str, Any] = {
    "name": "tiny",
    "version": 2,
    "title": "Tiny",
    "indicative": True,
    "entries": [
        {
            "name": "sms-block8",
            "scenario": "split_llm",
            "seeds": [0, 1],
            "settings": {"model": "m", "cut": 8},
            "entitlement": {"auxiliary": 100},
            "attacks": [
                {"name": "ridge_inverter", "parameters": {"penalty": 10.0}},
                {"name": "attribute_probe", "variants": ["oblivious"], "secret": "attribute:has_number"},
            ],
        }
    ],
}


def write(folder: Path, suite: dict[str, Any], name: str = "tiny") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(toml_writer.dumps(suite))
    return path


def with_entry(**change: Any) -> dict[str, Any]:
    return GOOD | {"entries": [GOOD["entries"][0] | change]}


def test_loads_what_the_file_says(tmp_path: Path) -> None:
    suite = load_suite(write(tmp_path, GOOD))
    assert (suite.label, suite.threads, suite.indicative) == ("tiny@2", 2, True)
    (entry,) = suite.entries
    assert entry.seeds == (0, 1)
    assert [attack.secret for attack in entry.attacks] == ["text", "attribute:has_number"]
    assert entry.attacks[0].variants == ("oblivious", "adaptive")
    assert load_suite(str(write(tmp_path, GOOD))) == suite


def test_run_keys_depend_on_settings_but_not_on_attacks_or_seeds(tmp_path: Path) -> None:
    def part(suite: dict[str, Any]) -> str:
        return key(load_suite(write(tmp_path, suite)).entries[0].key_part())

    base = part(GOOD)
    assert part(with_entry(attacks=[], seeds=[7])) == base
    assert part(with_entry(settings={"cut": 8, "model": "m"})) == base
    changes: list[dict[str, Any]] = [
        {"settings": {"model": "m", "cut": 9}},
        {"entitlement": {}},
        {"name": "n"},
        {"scenario": "s"},
    ]
    for change in changes:
        assert part(with_entry(**change)) != base


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        (GOOD | {"entries": []}, "entries"),
        (GOOD | {"entries": GOOD["entries"] * 2}, "same name"),
        (GOOD | {"version": "2"}, "version"),
        (GOOD | {"colour": 1}, "colour: unknown key"),
        (GOOD | {"name": "other"}, "name of the file"),
        (with_entry(seeds=[0, 0]), "distinct"),
        (with_entry(seeds=[-1]), "not negative"),
        (with_entry(seeds=[]), "entries[0].seeds"),
        (with_entry(attacks=[{"name": "a"}, {"name": "a"}]), "entries[0].attacks: listed twice"),
        (with_entry(attacks=[{"name": "a", "variants": ["lazy"]}]), "entries[0].attacks[0].variants[0]"),
        (with_entry(attacks=[{"name": "a", "variants": ["adaptive", "adaptive"]}]), "listed twice"),
        (with_entry(attacks=[{"name": "a", "secret_": "x"}]), "entries[0].attacks[0].secret_: unknown key"),
        (with_entry(attacks=[{"name": "a", "control": {"metric": "auc"}}]), "at_least and at_most, not neither"),
        (
            with_entry(attacks=[{"name": "a", "control": {"metric": "auc", "at_least": 0.5, "at_most": 0.6}}]),
            "entries[0].attacks[0].control: give exactly one of at_least and at_most",
        ),
        (with_entry(attacks=[{"name": "a", "control": {"metric": "tv", "at_most": 1.5}}]), "control.at_most"),
    ],
)
def test_refusals(tmp_path: Path, suite: dict[str, Any], said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load_suite(write(tmp_path, suite))
    assert any(said in problem for problem in caught.value.problems), caught.value.problems


def test_all_problems_at_once(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        load_suite(write(tmp_path, GOOD | {"title": "", "threads": 0, "x": 1, "entries": [{"name": "e"}]}))
    assert len(caught.value.problems) == 5


def test_unknown_suite(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no suite named 'no_such_suite'"):
        load_suite("no_such_suite")
    with pytest.raises(ManifestError, match="cannot be read"):
        load_suite(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("scenarios", "suite"),
    [
        (["split_llm"], "quick"),
        (["logit_kd"], "logit-quick"),
        (["prototype_sharing"], "prototype-quick"),
        (["synthetic_fusion", "logit_kd"], "synthetic-quick"),
        (["*"], "quick"),
        (["nowhere"], "quick"),
    ],
)
def test_every_scenario_has_its_quick_suite(scenarios: list[str], suite: str) -> None:
    assert quick_suite(scenarios) == suite
