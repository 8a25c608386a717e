"""Which commands are at work in a home: one small file each, which is only believed while its process runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.utils.atomic_files import write_whole
from lakehouse.utils.processes import ProcessId


@dataclass(frozen=True)
class Work:
    """A command at work: what it does, in which process, since when (ISO UTC)."""

    what: str
    process: ProcessId
    started_at: str

    def __str__(self) -> str:
        return f"{self.what} (pid {self.process.pid}, since {self.started_at})"


@contextmanager
def recorded_work(folder: Path, what: str) -> Iterator[None]:
    """Inside the block, `work_in(folder)` has this process with `what` it does."""
    work = Work(what, ProcessId.current(), datetime.now(UTC).isoformat(timespec="seconds"))
    file = folder / f"{work.process.pid}.json"
    write_whole(file, json.dumps(asdict(work)))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def work_in(folder: Path) -> list[Work]:
    """What is at work, oldest first; what a killed process left is not."""
    found = []
    for file in folder.glob("*.json"):
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            work = Work(kept["what"], ProcessId(**kept["process"]), kept["started_at"])
        except (OSError, ValueError, TypeError, KeyError):
            continue  # it has just ended, or is none of ours
        if work.process.is_alive:
            found.append(work)
    return sorted(found, key=lambda work: work.started_at)
