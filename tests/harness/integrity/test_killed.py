"""Killed at any moment, a seal keeps every event that was written, a store no stranger's record without its note."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import LeakboardError
from harness.integrity.contents import contents
from harness.integrity.seals import append, make_seal, read_seal
from harness.integrity.verifications import read_verification
from harness.store.bundles import write_bundle
from leaderboard.records import collect_records, ingest_records
from tests.stand_ins.stored_results import Defended, records

ROOT = Path(__file__).resolve().parents[3]
RUN = {"submission": "plugin", "source": "ab" * 32, "suite": "toy@1", "isolation": "sandbox"}
WRITER = """
import sys
from pathlib import Path
from harness.integrity.seals import append
for number in range(100000):
    append(Path(sys.argv[1]), "begun", submission=f"p{number}", source="ab" * 32, suite="toy@1")
    print(number, flush=True)
"""
TAKER = """
import sys
from pathlib import Path
from leaderboard.records import ingest_records
print("ready", flush=True)
ingest_records([Path(sys.argv[1])], Path(sys.argv[2]))
"""


def started(code: str, *arguments: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def killed(process: subprocess.Popen[str], after: float) -> list[str]:
    """What a process printed until it was killed, ``after`` seconds behind its first line."""
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read()
    process.stdout.close()
    process.wait()
    return [first, *rest.splitlines()]


def pauses(number: int, longest: float) -> Iterator[float]:
    chance = random.Random(6)
    return (chance.random() * longest for _ in range(number))


@pytest.mark.slow
def test_a_killed_writer_loses_no_event_and_leaves_no_half_one(tmp_path: Path) -> None:
    seal = tmp_path / "q.seal.json"
    make_seal(seal, tmp_path / "q.salt")
    written = 1
    for pause in pauses(25, 0.3):
        reported = len(killed(started(WRITER, seal), pause))
        events = len(read_seal(seal).events)
        assert written + reported <= events <= written + reported + 1
        written = events
    append(seal, "begun", **RUN)


@pytest.mark.slow
def test_a_killed_ingest_leaves_no_record_without_its_note(tmp_path: Path) -> None:
    theirs = list(records([Defended("stranger", 0, 0.2, 0.88)], n=24))
    write_bundle(tmp_path / "a.jsonl.gz", theirs)
    store = tmp_path / "s.duckdb"
    for pause in pauses(20, 1.0):
        killed(started(TAKER, tmp_path / "a.jsonl.gz", store), pause)
        if store.with_suffix(".files").is_dir():
            collected = collect_records([store])
            assert contents(collected.all()).items() <= collected.claimed.items()
    ingest_records([tmp_path / "a.jsonl.gz"], store)
    collected = collect_records([store])
    assert contents(collected.all()) == collected.claimed == contents(theirs)


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["commitment", "events", "leakboard_seal", "kind", "records"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(content=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_refused_with_a_message(content: bytes, tmp_path: Path) -> None:
    for name, read in (("x.seal.json", read_seal), ("x.verification.json", read_verification)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LeakboardError):
            read(tmp_path / name)


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_of_a_seal_is_refused_or_means_the_same(place: int, byte: int, tmp_path: Path) -> None:
    path = tmp_path / "q.seal.json"
    if not path.exists():
        make_seal(path, tmp_path / "q.salt")
        append(path, "begun", **RUN)
        append(path, "finished", **RUN, records={"a" * 32: "b" * 32})
    whole, seal = path.read_bytes(), read_seal(path)
    content = bytearray(whole)
    content[place % len(content)] = byte
    (tmp_path / "x.seal.json").write_bytes(bytes(content))
    try:
        changed = read_seal(tmp_path / "x.seal.json")
    except LeakboardError:
        return
    # The commitment and the last event are bound by nothing inside the file: their hash, the head, is another one.
    assert changed == seal or changed.head != seal.head
