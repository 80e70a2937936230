"""Archive of shadow runs: made once per key, whichever thread asks first, and found again by a later evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.store.store import Store

__all__ = ["Archive"]

Files = Mapping[str, bytes]


@dataclass
class Archive:
    """Files by key, in a store's artefacts or, without a store, in memory."""

    store: Store | None = None
    lock: Any = field(default_factory=RLock)
    """Whoever uses the store holds it."""
    _memory: dict[str, Files] = field(default_factory=dict)
    _making: dict[str, Any] = field(default_factory=lambda: defaultdict(RLock))

    def get(self, key: str, make: Callable[[], Files]) -> Files:
        """The files of ``key``, made now if there are none; other threads that ask for them wait."""
        with self.lock:
            making = self._making[key]
        with making:
            shadow = self._find(key)
            if shadow is None:
                shadow = make()
                self._keep(key, shadow)
            return shadow

    def _find(self, key: str) -> Files | None:
        with self.lock:
            if self.store is None:
                return self._memory.get(key)
            folder = self.store.artefact_dir(key)
        return None if folder is None else {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def _keep(self, key: str, files: Files) -> None:
        with self.lock:
            if self.store is None:
                self._memory[key] = files
            else:
                self.store.put_artefact(key, files)
