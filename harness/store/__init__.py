"""Where results are kept: files that travel, and a DuckDB database, rebuilt from them at any time, that is queried."""

from harness.store.store import Store

__all__ = ["Store"]
