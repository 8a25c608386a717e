"""What a platform took is on disk as soon as it has said so, also when the process is killed while it is noted."""

from __future__ import annotations

import asyncio
import os
from contextlib import closing
from pathlib import Path

import pytest

from lakehouse.activation.destinations.platform import Item, Outcomes, Rejection, Row
from lakehouse.activation.sending.journal import Journal, journals

ITEMS = [Item(Row(f"c{number}", "added", f"c{number}@x.test", {}, f"h{number}"), b"") for number in range(3)]
REFUSED = Rejection("invalid", is_permanent=True, has_refused=True)


def test_what_was_noted_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 20_000)
    journal.add(ITEMS, Outcomes("job-1", {1: REFUSED}))
    journal.add(ITEMS[:1], Outcomes("job-2"))
    assert [found.path for found in journals(tmp_path)] == [journal.path]
    found = journals(tmp_path)[0].read()
    assert [(row.customer_id, row.payload_hash, row.rejection, row.reference) for row in found] == [
        ("c0", "h0", None, "job-1"),
        ("c1", "h1", REFUSED, "job-1"),
        ("c2", "h2", None, "job-1"),
        ("c0", "h0", None, "job-2"),
    ]
    journal.close()
    assert journal.path.stat().st_mode & 0o077 == 0
    journal.forget()
    assert journals(tmp_path) == []


def test_a_line_that_a_kill_has_cut_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0)
    journal.add(ITEMS[:2], Outcomes("job-1"))
    noted = journal.read()
    whole = journal.path.stat().st_size
    journal.add(ITEMS[2:], Outcomes("job-2"))
    for size in range(whole, journal.path.stat().st_size):
        with journal.path.open("r+b") as file:
            file.truncate(size)
        assert journal.read() == noted
        journal.path.write_bytes(journal.path.read_bytes()[:whole])
        journal.add(ITEMS[2:], Outcomes("job-2"))


def test_calls_that_wait_together_share_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)

    async def note() -> None:
        with closing(Journal(tmp_path, 0)) as journal:
            for name in ("job-1", "job-2", "job-3"):
                journal.add(ITEMS[:1], Outcomes(name))
            await asyncio.gather(*(journal.on_disk() for _ in range(3)))
            assert len(synced) == 1
            journal.add(ITEMS[1:], Outcomes("job-4"))
            await journal.on_disk()
            await journal.on_disk()

    asyncio.run(note())
    assert len(synced) == 2
