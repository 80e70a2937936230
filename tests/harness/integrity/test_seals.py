"""Seals: a hash that binds, a log that cannot be changed unseen, salts that only their owner reads."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from harness.errors import SealError
from harness.integrity.salts import commitment, draw_salt, read_salt
from harness.integrity.seals import Seal, append, event_hash, joined, make_seal, read_seal, reveal_seal, write_seal
from harness.util.seeds import derive, secret_axis

RUN = {"submission": "plugin", "source": "ab" * 32, "suite": "toy@1", "isolation": "sandbox"}


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    """A seal and its salt's file."""
    make_seal(tmp_path / "q.seal.json", tmp_path / "q.salt")
    return tmp_path / "q.seal.json", tmp_path / "q.salt"


def rewrite(path: Path, **changes: object) -> None:
    """Change fields of the last event of a seal's file."""
    document = json.loads(path.read_text())
    document["events"][-1].update(changes)
    path.write_text(json.dumps(document))


def test_a_salt_is_readable_by_its_owner_alone_and_never_overwritten(place: tuple[Path, Path], tmp_path: Path) -> None:
    seal, file = place
    assert file.stat().st_mode & 0o777 == 0o600
    salt = read_salt(file)
    assert commitment(salt) == read_seal(seal).commitment and salt not in seal.read_text()
    with pytest.raises(SealError, match="only copy"):
        draw_salt(file)
    with pytest.raises(SealError, match="there already"):
        make_seal(seal, tmp_path / "other.salt")
    file.chmod(0o640)
    with pytest.raises(SealError, match="chmod 600"):
        read_salt(file)
    (tmp_path / "bad.salt").write_text("public\n")
    (tmp_path / "bad.salt").chmod(0o600)
    with pytest.raises(SealError, match="64 hexadecimal"):
        read_salt(tmp_path / "bad.salt")


def test_the_commitment_is_no_seed(place: tuple[Path, Path]) -> None:
    salt = read_salt(place[1])
    assert secret_axis(salt) != derive("draws", salt=commitment(salt)) and str(secret_axis(salt)) not in commitment(
        salt
    )


def test_no_event_can_be_changed_left_out_or_moved(place: tuple[Path, Path]) -> None:
    seal, file = place
    append(seal, "begun", **RUN)
    append(seal, "finished", **RUN, records={"a" * 32: "b" * 32})
    reveal_seal(seal, read_salt(file))
    whole = read_seal(seal)
    for broken in (
        whole.events[1:],
        (whole.events[0], *whole.events[2:]),
        (whole.events[0], whole.events[2], whole.events[1], whole.events[3]),
        (*whole.events[:2], whole.events[2].model_copy(update={"records": {}}), whole.events[3]),
        (whole.events[0].model_copy(update={"time": "2020-01-01T00:00:00+00:00"}), *whole.events[1:]),
    ):
        write_seal(seal, Seal(commitment=whole.commitment, events=broken))
        with pytest.raises(SealError, match="altered"):
            read_seal(seal)


def test_a_rewritten_history_lacks_the_heads_that_were_published(place: tuple[Path, Path]) -> None:
    seal, _ = place
    first = append(seal, "begun", **RUN)
    renamed = first.events[1].model_copy(update={"submission": "other"})
    forged = Seal(commitment=first.commitment, events=(first.events[0], renamed))
    write_seal(seal, forged)
    assert first.head not in read_seal(seal).hashes()  # a valid chain: only what was published tells
    with pytest.raises(SealError, match="two histories"):
        joined(first, forged)
    assert joined(first, Seal(commitment=first.commitment, events=first.events[:1])) == first


def test_nothing_is_begun_after_the_salt_is_known(place: tuple[Path, Path]) -> None:
    """Whoever knows the salt knows the texts: a later source is never one that was measured under the seal."""
    seal, file = place
    append(seal, "begun", **RUN)
    revealed = reveal_seal(seal, read_salt(file))
    for kind in ("begun", "revealed"):
        with pytest.raises(SealError, match="make a new seal"):
            append(seal, kind, **RUN)
    late = {**RUN, "source": "cd" * 32}
    append(seal, "finished", **RUN, records={"a" * 32: "1" * 32})
    finished = append(seal, "finished", **late, records={"b" * 32: "2" * 32})
    assert set(finished.logged()) == {"a" * 32}, "records of a source that did not begin before count for nothing"
    begun = revealed.events[1].model_copy(update={"previous": revealed.head})
    write_seal(seal, Seal(commitment=revealed.commitment, events=(*revealed.events, begun)))
    with pytest.raises(SealError, match="begins a run after"):
        read_seal(seal)


def test_another_salt_is_not_revealed(place: tuple[Path, Path], tmp_path: Path) -> None:
    seal, _ = place
    with pytest.raises(SealError, match="not the one"):
        reveal_seal(seal, draw_salt(tmp_path / "other.salt"))
    reveal_seal(seal, read_salt(place[1]))
    rewrite(seal, salt=read_salt(tmp_path / "other.salt"))
    with pytest.raises(SealError, match="not the sealed one"):
        read_seal(seal)


def test_two_writers_lose_no_event(place: tuple[Path, Path]) -> None:
    seal, _ = place
    names = [f"plugin_{number}" for number in range(12)]
    threads = [
        threading.Thread(target=append, args=(seal, "begun"), kwargs=RUN | {"submission": name}) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event.submission for event in read_seal(seal).events[1:]) == sorted(names)


def test_what_is_no_seal_is_refused_with_its_place(tmp_path: Path) -> None:
    for content in ("", "{}", "[1]", '{"leakboard_seal": 2, "commitment": "0", "events": []}'):
        (tmp_path / "x.seal.json").write_text(content)
        with pytest.raises(SealError, match="no seal"):
            read_seal(tmp_path / "x.seal.json")


def test_hashes_of_old_events_outlive_new_fields(place: tuple[Path, Path]) -> None:
    """Only fields that are set count in an event's hash."""
    seal = read_seal(place[0])
    spelled = seal.events[0].model_copy(update={"submission": "", "records": {}})
    assert event_hash(seal.commitment, spelled) == seal.head
