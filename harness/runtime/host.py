"""Hosts private parties: builds them from a plain description and steps their generators.

The same host runs inside a worker process and, for debugging, in the harness's own process. Its answers
are bytes and JSON; nothing a submission prints or returns is executed on the other side.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import struct
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from harness.data.record import Item
from harness.defense import Defense, PublicSide
from harness.dp.mechanisms import Mechanisms
from harness.errors import DefenseError, ProtocolError
from harness.models.meter import Meter, MeteredPart
from harness.protocol.party import Embed, Link, Party, PartyFunction, PartyResources, Sent
from harness.runtime.defend_requests import Requests
from harness.runtime.knobs import chosen_settings
from harness.util.seeds import derive
from harness.wire.log import LoggedFrame, WireLog
from harness.wire.message import Kind, Message, encode

__all__ = ["Host", "load_defense_class"]


@dataclass
class _HostedParty:
    """One party, its generator, its defense's mechanisms, and the message that waits for an answer."""

    party: Party
    mechanisms: Mechanisms
    steps: Generator[Sent, Message, None]
    waiting: Sent | None = None
    done: bool = False
    globals: tuple[Any, ...] = ()
    """State of the libraries' global generators when the party last paused."""


class Host:
    """All private parties of one run.

    ``spec`` is JSON: ``function`` ("module:name" of the scenario's party function), ``submission`` (folder,
    ``defense.py`` class name and parameters, or None for no defense), ``threads`` and
    ``parties``: name -> items, records, parts (role -> folder), settings, knobs, tokenizer folder, encoder, public
    texts, seeds of the defense's setup, of its messages and of training (:mod:`harness.runtime.worker_spec`). Parties
    that are given the same folder share the part in memory: a scenario that trains a part takes a copy.

    Nothing of it says what the run is for, and no run does anything that another one does not.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        torch.set_num_threads(int(spec["threads"]))  # sums, and so bytes, depend on it
        self._spec = spec
        self._requests: dict[str, Requests] = {}
        self._meter = Meter()
        self._parts: dict[str, Any] = {}
        self._encoders: dict[str, Embed] = {}
        function = _resolve(spec["function"])
        started = time.perf_counter()
        self._hosted = {name: self._host_party(name, party, spec, function) for name, party in spec["parties"].items()}
        self.setup = {"seconds": time.perf_counter() - started - self._loading, "flops": self._meter.flops}
        self._meter.flops = 0

    _loading = 0.0

    def _host_party(
        self, name: str, party: Mapping[str, Any], spec: Mapping[str, Any], function: PartyFunction
    ) -> _HostedParty:
        started = time.perf_counter()
        parts = {role: MeteredPart(self._part(folder), self._meter) for role, folder in party["parts"].items()}
        tokenizer = _load_tokenizer(party["tokenizer"]) if party["tokenizer"] else None
        embed = self._embed(party["encoder"]) if party["encoder"] else None
        defense = _load_defense(spec.get("submission"))
        self._loading += time.perf_counter() - started
        defense.me = Mechanisms(name, torch.Generator().manual_seed(party["setup"]))
        _seed_globals(derive("global", party["setup"]))
        items, records = (tuple(map(_item, party[kind])) for kind in ("items", "records"))
        offered, texts = deepcopy(dict(party["settings"])), tuple(party["public_texts"])
        with self._meter.counting():
            prepared = _check_prepared((*items, *records), defense.prepare((*items, *records), offered))
            settings = chosen_settings(party["settings"], offered, party["knobs"])
            # Copies: what the defense holds of the settings is not what the party goes by.
            shown = MappingProxyType(deepcopy(settings))
            public = PublicSide(texts, shown, {k: p.part for k, p in parts.items()}, tokenizer, embed)
            defense.setup(prepared, public)
        # What setup drew stays; what messages draw comes afresh, so that they can be sent again with other noise.
        defense.me.reseed(party["noise"])
        _seed_globals(derive("global", party["noise"]))
        inputs, labelled = prepared[: len(items)], prepared[len(items) :]
        generator = torch.Generator().manual_seed(party["training"])
        resources = PartyResources(inputs, labelled, texts, parts, settings, tokenizer, embed, generator)
        me = Party(name, resources, Link(defense, self._meter))
        return _HostedParty(me, defense.me, function(me), globals=_global_states())

    def _part(self, folder: str) -> Any:
        if folder not in self._parts:
            self._parts[folder] = _load_part(folder)
        return self._parts[folder]

    def _embed(self, encoder: Mapping[str, Any]) -> Embed:
        from harness.runtime.embedder import Embedder

        name = json.dumps(encoder, sort_keys=True)
        if name not in self._encoders:
            self._encoders[name] = Embedder(lambda: self._part(encoder["part"]), encoder, self._meter)
        return self._encoders[name]

    def step(self, name: str, frame: bytes | None) -> bytes | None:
        """Resume a party with the answer to its last message (None to start); its next frame, None when it is done.

        The frame is preceded by its length (unsigned 32-bit) and followed by the same message as it was before the
        defense, in every run; the harness drops that where nobody may have it.
        """
        hosted = self._hosted[name]
        if hosted.done or (frame is None) != (hosted.waiting is None):
            raise ProtocolError(f"party {name!r}: send and receive must alternate strictly")
        # Draws from a library's global generator must not depend on which other parties live here.
        shared = len(self._hosted) > 1
        if shared:
            _restore_globals(hosted.globals)
        try:
            if frame is None or hosted.waiting is None:
                hosted.waiting = next(hosted.steps)
            else:
                hosted.waiting = hosted.steps.send(hosted.party.link.receive(frame, hosted.waiting))
        except StopIteration:
            hosted.done, hosted.waiting = True, None
            return None
        finally:
            if shared:
                hosted.globals = _global_states()
        out = hosted.waiting.frame
        return struct.pack("<I", len(out)) + out + encode(hosted.waiting.plain)

    def defend(self, name: str, head: Mapping[str, Any], blob: memoryview) -> tuple[dict[str, Any], list[memoryview]]:
        """An attacker's own messages through the defense of a party: :meth:`Requests.defend`."""
        if name not in self._requests:
            self._requests[name] = Requests(self._hosted[name].party.link.defense)
        return self._requests[name].defend(head, blob)

    def prepare(self, name: str, texts: Sequence[str], seed: int) -> list[str]:
        """An attacker's own texts as a new defense's ``prepare`` leaves them, were they all the inputs of a party."""
        defense = _load_defense(self._spec.get("submission"))
        defense.me = Mechanisms(name, torch.Generator().manual_seed(seed))
        items = tuple(Item(f"r{i}", text) for i, text in enumerate(texts))
        prepared = _check_prepared(items, defense.prepare(items, dict(self._spec["parties"][name]["settings"])))
        return [str(item.text) for item in prepared]

    def finish(self) -> dict[str, Any]:
        """Predictions, ledgers and operation counts, as JSON."""
        return {
            "predictions": {name: _finite(hosted.party.predictions) for name, hosted in self._hosted.items()},
            "ledger": [e.model_dump() for hosted in self._hosted.values() for e in hosted.mechanisms.ledger()],
            "flops": self._meter.flops,
            "setup": self.setup,
        }

    def own(self) -> bytes:
        """The values that parties kept in ``me.own``, as the wire log of one CONTROL message from each to itself."""
        values = {name: hosted.party.own for name, hosted in self._hosted.items() if hosted.party.own}
        return WireLog(LoggedFrame(n, n, encode(Message(Kind.CONTROL, own))) for n, own in values.items()).to_bytes()


def _seed_globals(seed: int) -> None:
    """A defense should draw from ``self.me.generator``; one that does not is still reproducible, and its
    noise differs between the live run and simulations, as a forked worker's would not.
    """
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _global_states() -> tuple[Any, ...]:
    import random

    import numpy as np

    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _restore_globals(states: tuple[Any, ...]) -> None:
    import random

    import numpy as np

    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def load_defense_class(folder: str | Path, target: str) -> type[Defense]:
    """The class ``file:Class`` of a submission folder, imported under a private name; :class:`DefenseError` if not."""
    stem, _, name = target.partition(":")
    path = Path(folder) / f"{stem}.py"
    spec = importlib.util.spec_from_file_location(f"_submission_{stem}", path)
    if spec is None or spec.loader is None or not path.exists():
        raise DefenseError(f"{path} does not exist")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    spec.loader.exec_module(module)
    loaded = getattr(module, name, None)
    if not (isinstance(loaded, type) and issubclass(loaded, Defense)):
        raise DefenseError(f"{path}: {name!r} is not a subclass of harness.Defense")
    return loaded


def _load_defense(submission: Mapping[str, Any] | None) -> Defense:
    if submission is None:
        return Defense()
    return load_defense_class(submission["folder"], submission["class"])(**submission["parameters"])


def _item(fields: Mapping[str, Any]) -> Item:
    return Item(**{**fields, "choices": tuple(fields.get("choices", ()))})


def _check_prepared(before: tuple[Item, ...], after: Any) -> tuple[Item, ...]:
    items = tuple(after) if isinstance(after, list | tuple) else ()
    if [i.id for i in items if isinstance(i, Item)] != [i.id for i in before]:
        raise DefenseError("prepare() must return one Item per record, same ids, same order")
    # A defense that builds its items anew knows nothing of continuations: they stay as they were.
    items = tuple(i if i.choices else replace(i, choices=b.choices) for b, i in zip(before, items, strict=True))
    if any(len(i.choices) != len(b.choices) for b, i in zip(before, items, strict=True)):
        raise DefenseError("prepare() must keep the number of choices of every Item")
    return items


def _finite(value: Any) -> Any:
    """``value`` with None for numbers that are not finite, which JSON has no form for: they count as missing."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _resolve(target: str) -> PartyFunction:
    module, _, name = target.partition(":")
    function: PartyFunction = getattr(importlib.import_module(module), name)
    return function


def _load_part(folder: str) -> Any:
    from harness.models import load_part_folder

    return load_part_folder(Path(folder))


def _load_tokenizer(folder: str) -> Any:
    from harness.models.tokens import load_tokens

    return load_tokens(folder)
