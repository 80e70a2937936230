from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ManifestError, UnknownName
from harness.util import keys

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(plain)
def test_canonical_survives_a_round_trip(value: Any) -> None:
    assert json.loads(keys.canonical(value)) == value
    assert keys.canonical(json.loads(keys.canonical(value))) == keys.canonical(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_order_of_keys_does_not_matter(table: dict[str, int]) -> None:
    backwards = dict(reversed(table.items()))
    assert keys.key(table) == keys.key(backwards)
    assert keys.key(a=1, b=table) == keys.key(b=backwards, a=1)


@given(plain, plain)
def test_equal_keys_mean_equal_forms(left: Any, right: Any) -> None:
    assert (keys.key(left) == keys.key(right)) == (keys.canonical(left) == keys.canonical(right))


def test_key_is_32_hex_digits_and_separates_arguments() -> None:
    assert len(keys.key("a")) == 32
    assert int(keys.key("a"), 16) >= 0
    different = [keys.key("a", "b"), keys.key("ab"), keys.key(["a", "b"]), keys.key(a="b"), keys.key(1), keys.key(1.0)]
    assert len(set(different)) == len(different)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"scale": [1.0, float("nan")]}, r"value\.scale\[1\] is nan"),
        ({"x": float("inf")}, "finite"),
        ({1: "x"}, "mapping key 1"),
        ({"x": {1, 2}}, r"value\.x is a set"),
    ],
)
def test_refuses_what_has_no_single_form(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        keys.canonical(value)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "__init__.py": "",
        "family/__init__.py": "raise RuntimeError('must not be imported')\nTABLE = {}\n",
        "family/main.py": "from .inner import f\nimport os, keyspkg.other\nfrom .. import shared\n",
        "family/inner.py": "def f():\n    from keyspkg.deep.leaf import g\n",
        "family/unrelated.py": "x = 1\n",
        "family/uses_init.py": "from keyspkg.family import TABLE\n",
        "other.py": "from keyspkg.family import main  # a cycle\n",
        "shared.py": "a = 1\n",
        "deep/__init__.py": "",
        "deep/leaf.py": "def g(): ...\n",
    }
    root = tmp_path / "keyspkg"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return root


@pytest.mark.parametrize("file", ["family/main.py", "family/inner.py", "other.py", "shared.py", "deep/leaf.py"])
def test_source_hash_follows_every_import(package: Path, file: str) -> None:
    before = keys.source_hash("keyspkg.family.main", "keyspkg")
    with (package / file).open("a") as out:
        out.write("one_more = 1\n")
    assert keys.source_hash("keyspkg.family.main", "keyspkg") != before
    assert "keyspkg" not in sys.modules


def test_source_hash_survives_a_move_and_words(package: Path) -> None:
    """Words, formatting and places of modules do not change what the code computes."""
    before = keys.source_hash("keyspkg.family.main", "keyspkg")
    (package / "family/inner.py").unlink()
    (package / "rooms").mkdir()
    (package / "rooms/__init__.py").write_text("")
    (package / "rooms/leaf.py").write_text(
        '"""Words."""\n\n__all__ = ["g"]\n\n\ndef g():\n    """More words."""\n    ...\n'
    )
    (package / "rooms/inside.py").write_text("# words\ndef f():\n    from keyspkg.rooms.leaf import g\n")
    (package / "family/main.py").write_text(
        '"""Main."""\n\nimport os, keyspkg.other\nfrom .. import shared\nfrom keyspkg.rooms.inside import f\n'
    )
    assert keys.source_hash("keyspkg.family.main", "keyspkg") == before


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("x = f(1,\n      2)", "x = f(1, 2)  # why", True),
        ("from attacks.a import f, g", "from attacks.b import f\nfrom attacks.c import g", True),
        ("from attacks.a import f", "from attacks.a import f as g", False),
        ("import numpy", "import torch", False),
        ("from numpy import a", "from torch import a", False),
        ("place = 'attacks.a:B'", "place = 'attacks.c.d:B'", True),
        ("place = 'attack'", "place = 'another'", False),
        ("x = 1", "x = 1.0", False),
        ("x = True", "x = 1", False),
        ("x = None", "x = 'None'", False),
        ("def f(x: int): return x", "def f(x: int): 'Doc.'; return x", True),
        ("x = -1", "x = 1", False),
        ("x = a < b", "x = a > b", False),
        ("x = (a, b)", "x = [a, b]", False),
    ],
)
def test_code_digest_is_about_what_is_computed(before: str, after: str, same: bool) -> None:
    digests = [keys.code_digest(ast.parse(text)) for text in (before, after)]
    assert (digests[0] == digests[1]) is same


@pytest.mark.parametrize("file", ["family/unrelated.py", "family/__init__.py", "deep/__init__.py"])
def test_source_hash_leaves_out_what_is_not_imported(package: Path, file: str) -> None:
    before = keys.source_hash("keyspkg.family.main", "keyspkg")
    (package / file).write_text("changed = True\n")
    assert keys.source_hash("keyspkg.family.main", "keyspkg") == before


def test_names_from_an_init_bring_it_in(package: Path) -> None:
    before = keys.source_hash("keyspkg.family.uses_init", "keyspkg")
    (package / "family/__init__.py").write_text("TABLE = {1: 2}\n")
    assert keys.source_hash("keyspkg.family.uses_init", "keyspkg") != before


def test_source_hash_of_unknown_modules(package: Path) -> None:
    with pytest.raises(UnknownName, match=r"keyspkg\.none"):
        keys.source_hash("keyspkg.none", "keyspkg")
    with pytest.raises(UnknownName, match="no_such_package"):
        keys.source_hash("no_such_package.x", "no_such_package")


def _submission(folder: Path, **extra: str) -> Path:
    files = {
        "submission.toml": 'name = "x"\ntitle = "A"\nclass = "defense:X"\n',
        "defense.py": "class X: ...\n",
        "tables/words.txt": "a b c\n",
        **extra,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_tree_hash_ignores_what_cannot_change_a_result(tmp_path: Path) -> None:
    bare = _submission(tmp_path / "bare")
    full = _submission(
        tmp_path / "full",
        **{
            "README.md": "words",
            "LICENSE": "words",
            ".git/config": "words",
            "__pycache__/defense.pyc": "junk",
            "tables/__pycache__/y.pyc": "junk",
            "submission.toml": 'name = "y"\ntitle = "Another title"\nclass = "defense:X"\n[[points]]\nlabel = "p"\n',
        },
    )
    assert keys.tree_hash(bare) == keys.tree_hash(full)


@pytest.mark.parametrize(
    "change",
    [
        {"defense.py": "class X: pass\n"},
        {"tables/words.txt": "a b\n"},
        {"helper.py": ""},
        {"notes.md": "read by code"},
        {"tables/README.md": "read by code"},
        {"README.py": "x = 1"},
        {".hidden": "read by code"},
        {".hidden/x.py": "1"},
        {"submission.toml": 'class = "defense:Y"\n'},
        {"submission.toml": 'class = "defense:X"\nsecret_state = true\n'},
    ],
)
def test_tree_hash_sees_what_can(tmp_path: Path, change: dict[str, str]) -> None:
    assert keys.tree_hash(_submission(tmp_path / "a")) != keys.tree_hash(_submission(tmp_path / "b", **change))


def test_tree_hash_refuses_links_and_broken_manifests(tmp_path: Path) -> None:
    folder = _submission(tmp_path / "a")
    (folder / "linked.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(ManifestError, match=r"linked\.py is a symbolic link"):
        keys.tree_hash(folder)
    with pytest.raises(ManifestError, match="not TOML"):
        keys.tree_hash(_submission(tmp_path / "b", **{"submission.toml": "= 3"}))
