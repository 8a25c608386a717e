"""How processes use memory: garbage collection where millions of objects live, and the size of pages."""

from __future__ import annotations

import gc

# For mimalloc, which Sail and Arrow bring: it asks for huge pages. On virtual machines each cost 1.6 ms when it was
# first touched: half of the time that Sail took for bronze, and twice the memory.
SMALL_PAGES = {"MIMALLOC_ALLOW_THP": "0"}


def collect_rarely() -> None:
    """Collect garbage after every 100,000 allocations; call it before anything large is imported.

    With the default of 700, collecting took a tenth of a run in which nothing changed.
    """
    gc.set_threshold(100_000, 50, 100)


def keep_what_is_there() -> None:
    """Exclude what is loaded now from later collections, which then leave the pages that forks share unchanged."""
    gc.collect()
    gc.freeze()
