"""How our processes use memory: garbage collection where millions of objects live, and the size of pages."""

from __future__ import annotations

import gc

# For mimalloc, which Sail and Arrow bring: it asks for huge pages. On virtual machines each cost 1.6 ms when it was
# first touched: half of the time that Sail took for bronze, and twice the memory.
SMALL_PAGES = {"MIMALLOC_ALLOW_THP": "0"}


def collect_rarely() -> None:
    """Look for garbage after 100,000 allocations; call it before anything large is imported.

    The default is 700: looking was a tenth of a run in which nothing changed.
    """
    gc.set_threshold(100_000, 50, 100)


def keep_what_is_there() -> None:
    """Take what is loaded now for permanent: later collections need not look at it, and leave the pages that forks
    share alone."""
    gc.collect()
    gc.freeze()
