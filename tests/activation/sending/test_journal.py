"""What a platform took is on disk as soon as it has said so, also when the process is killed while it is noted."""

from __future__ import annotations

from pathlib import Path

from lakehouse.activation.destinations.platform import Item, Outcomes, Rejection, Row
from lakehouse.activation.sending.journal import Journal, journals

ITEMS = [Item(Row(f"c{number}", "added", f"c{number}@x.test", {}, f"h{number}"), b"") for number in range(3)]
REFUSED = Rejection("invalid", is_permanent=True, has_refused=True)


def test_what_was_noted_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 20_000)
    noted = journal.add(ITEMS, Outcomes("job-1", {1: REFUSED}))
    more = journal.add(ITEMS[:1], Outcomes("job-2"))
    assert [found.path for found in journals(tmp_path)] == [journal.path]
    assert journals(tmp_path)[0].read() == noted + more
    assert [(row.customer_id, row.payload_hash, row.rejection) for row in noted] == [
        ("c0", "h0", None),
        ("c1", "h1", REFUSED),
        ("c2", "h2", None),
    ]
    assert journal.path.stat().st_mode & 0o077 == 0
    journal.forget()
    assert journals(tmp_path) == []


def test_a_line_that_a_kill_has_cut_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0)
    noted = journal.add(ITEMS[:2], Outcomes("job-1"))
    whole = journal.path.stat().st_size
    journal.add(ITEMS[2:], Outcomes("job-2"))
    for size in range(whole, journal.path.stat().st_size):
        with journal.path.open("r+b") as file:
            file.truncate(size)
        assert journal.read() == noted
        journal.path.write_bytes(journal.path.read_bytes()[:whole])
        journal.add(ITEMS[2:], Outcomes("job-2"))
