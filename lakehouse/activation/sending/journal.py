"""The acknowledgement journal of an export: what a platform took, on disk as soon as it has said so.

Rows reach ops.export_records a batch at a time; of a process that is killed in between, the answers to single calls are
here. One file per batch below the export's folder; it is gone once its rows are in ops.export_records.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.destinations.platform import Item, Outcomes, Row
from lakehouse.utils.plain_json import plain_json

FOLDER = "acknowledged"


@dataclass(frozen=True)
class Acknowledged:
    """What a platform said about one row; `rejection` is None when it was taken."""

    customer_id: str
    action: str
    payload_hash: str
    email: str
    at: datetime
    rejection: Rejection | None
    reference: str = ""


class Journal:
    """The file of one batch, which is appended to.

    Attributes:
        path: the file.
        answers: what was noted by this object, in order: rows of a call, and what became of them.
    """

    def __init__(self, export_folder: Path, ordinal: int) -> None:
        self.path = export_folder / FOLDER / f"{ordinal:08d}.jsonl"
        self.answers: list[tuple[Sequence[Item], Outcomes]] = []
        self._file: int | None = None
        self._on_disk = 0  # how many of the answers
        self._syncing = asyncio.Lock()

    def add(self, items: Sequence[Item], outcomes: Outcomes) -> None:
        """Note what became of the rows of a call. Written when it returns, so that no kill of this process loses it."""
        if not items:
            return
        rows = [_written(item.row, outcomes.rejected.get(place)) for place, item in enumerate(items)]
        line = {"reference": outcomes.reference, "at": datetime.now(UTC).isoformat(), "rows": rows}
        if self._file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(self._file, plain_json(line) + b"\n")
        self.answers.append((items, outcomes))

    async def on_disk(self) -> None:
        """Return when no end of this machine loses what was noted. Calls that wait together share one fsync."""
        wanted = len(self.answers)
        async with self._syncing:
            if self._file is not None and self._on_disk < wanted:
                written = len(self.answers)
                await asyncio.to_thread(os.fsync, self._file)
                self._on_disk = written

    def close(self) -> None:
        """Close the file; what was noted stays."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def read(self) -> list[Acknowledged]:
        """All that was noted, in order. A last line that a kill has cut is left out."""
        return [_read(row, line["at"], line["reference"]) for line in _whole_lines(self.path) for row in line["rows"]]

    def forget(self) -> None:
        """Remove the file: its rows are in ops.export_records."""
        self.path.unlink(missing_ok=True)


def journals(export_folder: Path) -> list[Journal]:
    """Journals that a killed process has left, by batch."""
    return [Journal(export_folder, int(path.stem)) for path in sorted((export_folder / FOLDER).glob("*.jsonl"))]


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield json.loads(line)


def _written(row: Row, why: Rejection | None) -> list[Any]:
    known: list[Any] = [row.customer_id, row.action, row.payload_hash, row.email]
    return known if why is None else [*known, why.reason, why.is_permanent, why.has_refused]


def _read(row: list[Any], at: str, reference: str) -> Acknowledged:
    rejection = Rejection(*row[4:]) if row[4:] else None
    customer_id, action, payload_hash, email = row[:4]
    return Acknowledged(customer_id, action, payload_hash, email, datetime.fromisoformat(at), rejection, reference)
