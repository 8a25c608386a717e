"""The ledger of a feed: what was delivered, and the outcome. It makes a run without news fast and a killed run
resumable.

One JSON line per delivery in `<landing>/<source>/<dataset>/_journal.jsonl`; the newest line of a name counts. A line
`{"recorded": true}` says that everything above it is in ops.files, and ends a run. No content is lost with the file: it
is hashed again and found in landing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from lakehouse.config.feeds import Feed
from lakehouse.errors import SourceUnavailableError
from lakehouse.landing.files import PART
from lakehouse.messages import said
from lakehouse.storage.ops_tables import record
from lakehouse.storage.table import Table
from lakehouse.tables import ops
from lakehouse.utils.file_lock import held_lock

_FILE = "_journal.jsonl"
_FORMER_KEYS = {"stamp": "fingerprint"}  # as ledgers of earlier versions call them
LANDED, DUPLICATE, SET_ASIDE = "landed", "duplicate_delivery", "set_aside"


@dataclass(frozen=True)
class Delivery:
    """One delivered file (or one load of a table or endpoint) and its outcome.

    `fingerprint` changes when the content may have changed (size and time of change). `declaration` is the fingerprint
    of the declaration it was read by. `state` is where the next load of a table or endpoint goes on. `sha256` names the
    landed rows: it is the SHA-256 of the content, except for content that came back, which has its SHA-256 in
    `content_sha256`. `ends_its_last_line`: whether a text file ends with a line end; None where that is not known.
    `place` sorts the deliveries of one run in the order they came.
    """

    file_name: str
    fingerprint: str
    sha256: str
    outcome: str
    reason: str | None = None
    rows: int = 0
    declaration: str = ""
    delivered_at: str = ""  # ISO UTC: time of change of a file, start of a load
    state: dict[str, Any] = field(default_factory=dict)
    content_sha256: str = ""
    ends_its_last_line: bool | None = None
    place: str = ""

    @property
    def content(self) -> str:
        """SHA-256 of its content."""
        return self.content_sha256 or self.sha256


class Ledger:
    """Deliveries of one feed; open it with `open_ledger`, one process at a time."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._path = feed.landing / _FILE
        self.newest: dict[str, Delivery] = {}
        self.landed: dict[str, Delivery] = {}
        self._arrivals: list[tuple[int, Delivery]] = []  # run in which it was noted, delivery
        self._count_runs = 0
        self._unrecorded: list[Delivery] = []
        self._recorded: set[tuple[str, str, str]] = set()
        self._was_interrupted = False
        self._read()

    def knows(self, file_name: str, fingerprint: str) -> bool:
        """Whether this delivery was dealt with. A file set aside is looked at again when the declaration has
        changed."""
        known = self.newest.get(file_name)
        return (
            known is not None
            and known.fingerprint == fingerprint
            and (known.outcome != SET_ASIDE or known.declaration == self._feed.fingerprint)
        )

    def in_order(self) -> list[tuple[int, Delivery]]:
        """Deliveries with rows that are in landing, with the number of their run, in the order they came: by run,
        within a run as declared. It is the order in which bronze and silver take them."""
        known = (
            (run, delivery)
            for run, delivery in self._arrivals
            if delivery.rows and delivery.outcome != SET_ASIDE and delivery.content in self.landed
        )
        return sorted(known, key=lambda arrival: (arrival[0], arrival[1].place or arrival[1].file_name))

    def places_of_landed(self) -> dict[str, tuple[int, str]]:
        """SHA-256 of landed rows -> run that landed them (they count up) and their place in it; what the ledger does
        not know is absent."""
        return {
            delivery.sha256: (run, delivery.place or delivery.file_name)
            for run, delivery in self._arrivals
            if delivery.outcome == LANDED
        }

    def add(self, delivery: Delivery) -> None:
        """Note an outcome; durable against a killed process at once."""
        reason = delivery.reason and said(delivery.reason)
        delivery = replace(delivery, declaration=self._feed.fingerprint, reason=reason)
        self._append(json.dumps(asdict(delivery)))
        self._take(delivery)

    def record_outcomes(self, run_id: str, lake: str) -> None:
        """Bring every outcome into ops.files, each once, also those of a run that was killed before it could."""
        if not self._unrecorded:
            return
        if self._was_interrupted:
            self._recorded.update(self._recorded_keys(lake))
        pending = {self._key(delivery): delivery for delivery in self._unrecorded}
        for key in self._recorded:
            pending.pop(key, None)
        now = datetime.now(UTC)
        rows = [
            {
                "run_id": run_id,
                "source": self._feed.source,
                "dataset": self._feed.dataset,
                "file_name": delivery.file_name,
                "content_sha256": delivery.sha256,
                "outcome": delivery.outcome,
                "reason": delivery.reason,
                "rows": delivery.rows if delivery.outcome == LANDED else 0,
                "recorded_at": now,
            }
            for delivery in pending.values()
        ]
        record("files", rows, lake)
        self._append(json.dumps({"recorded": True}))
        self._close()
        self._was_interrupted = False

    def _recorded_keys(self, lake: str) -> list[tuple[str, str, str]]:
        table = Table(ops("files"), lake).delta
        if table is None:
            return []
        columns = ["file_name", "content_sha256", "outcome"]
        mine = [("source", "=", self._feed.source), ("dataset", "=", self._feed.dataset)]
        return [
            (row["file_name"], row["content_sha256"], row["outcome"])
            for row in table.to_pyarrow_table(columns=columns, filters=mine).to_pylist()
        ]

    @staticmethod
    def _key(delivery: Delivery) -> tuple[str, str, str]:
        return delivery.file_name, delivery.sha256, delivery.outcome

    def _close(self) -> None:
        self._recorded.update(map(self._key, self._unrecorded))
        self._unrecorded = []
        self._count_runs += 1

    def _take(self, delivery: Delivery) -> None:
        self.newest[delivery.file_name] = delivery
        self._unrecorded.append(delivery)
        self._arrivals.append((self._count_runs, delivery))
        if delivery.outcome == LANDED:
            self.landed[delivery.sha256] = delivery

    def _read(self) -> None:
        known = {item.name for item in fields(Delivery)}
        text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        for line in text.split("\n"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the last line of a killed process, or the empty end: that delivery is looked at again
            if "recorded" in entry:
                self._close()
            else:
                named = {_FORMER_KEYS.get(key, key): value for key, value in entry.items()}
                self._take(Delivery(**{key: value for key, value in named.items() if key in known}))
        self._was_interrupted = bool(self._unrecorded) or not text

    def _append(self, line: str) -> None:
        # The leading line end closes a line that a killed process left open.
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}")


@contextmanager
def open_ledger(feed: Feed) -> Iterator[Ledger]:
    """The ledger of a feed, for one process at a time; removes what a killed run left unfinished.

    Raises SourceUnavailableError when another process is landing the same feed.
    """
    feed.landing.mkdir(parents=True, exist_ok=True)
    with held_lock(feed.landing / "_lock", wait_seconds=0) as is_mine:
        if not is_mine:
            raise SourceUnavailableError(
                feed.source, f"another run is landing {feed.dataset}", "Wait for it to end, then run again."
            )
        for left in feed.landing.glob(f"*{PART}"):
            os.unlink(left)
        yield Ledger(feed)
