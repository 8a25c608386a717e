"""The importer of a listmonk: one import at a time, committed by 10,000 rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lakehouse.simulators.listmonk.import_file import ImportFile, Row
from lakehouse.simulators.listmonk.subscribers import STATUSES, Overwrite, Subscribers

COMMIT_ROWS = 10_000


class BadParametersError(Exception):
    """The field `params` of an import; the text is listmonk's."""


@dataclass(frozen=True)
class Parameters:
    """How a file is imported."""

    mode: str
    status: str
    delimiter: str
    lists: tuple[int, ...]
    may: Overwrite


def parameters(given: Any, has_granular_overwrite: bool) -> Parameters:
    """Read the parameters of an import.

    Args:
        given: the JSON object in `params`.
        has_granular_overwrite: from version 6 on, `overwrite_userinfo` and `overwrite_subscription_status` say what is
            overwritten; `overwrite` means both. Before, there is only `overwrite`, and the others are ignored.

    Raises:
        BadParametersError: something is not as listmonk wants it.
    """
    if not isinstance(given, dict):
        raise BadParametersError("Invalid params: json: cannot unmarshal into Go value of type subimporter.SessionOpt")
    for name in ("overwrite", "overwrite_userinfo", "overwrite_subscription_status"):
        if not isinstance(given.get(name, False), bool):
            raise BadParametersError(f"Invalid params: json: cannot unmarshal into field .{name} of type bool")
    lists = given.get("lists") or []
    if not isinstance(lists, list) or not all(type(id) is int for id in lists):
        raise BadParametersError("Invalid params: json: cannot unmarshal into field .lists of type int")
    mode = given.get("mode")
    if mode not in ("subscribe", "blocklist"):
        raise BadParametersError("Invalid mode")
    status = given.get("subscription_status") or ("unconfirmed" if mode == "subscribe" else "unsubscribed")
    if status not in STATUSES:
        raise BadParametersError("Invalid subscription status")
    delimiter = given.get("delim")
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        raise BadParametersError("`delim` should be a single character")
    everything = given.get("overwrite") is True
    may = Overwrite(
        userinfo=everything or (has_granular_overwrite and given.get("overwrite_userinfo") is True),
        status=everything or (has_granular_overwrite and given.get("overwrite_subscription_status") is True),
    )
    return Parameters(mode, status, delimiter, tuple(lists), may)


@dataclass
class Importer:
    """The import that is at work, or was the last one."""

    subscribers: Subscribers
    name: str = ""
    total: int = 0
    imported: int = 0
    status: str = "none"
    log: list[str] = field(default_factory=list)
    session: int = 0

    def is_at_work(self) -> bool:
        """Whether no other import can start."""
        return self.status in ("importing", "stopping")

    def begin(self, name: str, now: float) -> int:
        """Start with a file; the number of the session."""
        self.session += 1
        self.name, self.total, self.imported, self.status, self.log = name, 0, 0, "importing", []
        self.note(f"processing '{name}'", now)
        return self.session

    def note(self, text: str, now: float) -> None:
        """Write a line to the log."""
        self.log.append(f"{datetime.fromtimestamp(now, UTC):%Y/%m/%d %H:%M:%S.%f} importer.go: {text}\n")

    def finish(self, session: int, file: ImportFile, how: Parameters, lists: Sequence[int], now: float) -> None:
        """Write the rows of a file, as far as that goes, and nothing when the session is over.

        A row that the database refuses takes its commit with it, and ends the import; so does a CSV file that is not
        one, of which whole commits stay. `lists` are those that exist.
        """
        if session != self.session:
            return
        unknown = how.mode == "subscribe" and any(id not in lists for id in how.lists)
        for line in file.log:
            self.note(line, now)
        if self.status == "stopping":
            self.note("stop request received", now)
            self.status = "finished"
            return
        for start in range(0, len(file.rows), COMMIT_ROWS):
            commit = file.rows[start : start + COMMIT_ROWS]
            if file.is_broken and len(commit) < COMMIT_ROWS:
                break
            error = 'pq: violates foreign key constraint "subscriber_lists_list_id_fkey"' if unknown else ""
            if error := error or next((row.error for row in commit if row.error), ""):
                self.note(f"error executing insert: {error}", now)
                self.status = "failed"
                return
            for row in commit:
                self._write(row, how, now)
            self.imported += len(commit)
            if len(commit) == COMMIT_ROWS:
                self.note(f"imported {self.imported}", now)
        self.status = "failed" if file.is_broken else "finished"
        if not file.is_broken:
            self.note("imported finished", now)

    def stop(self) -> None:
        """Stop what is at work or, the second time, forget it; forget an import that has ended."""
        if self.status == "importing":
            self.status = "stopping"
        else:
            self.session += 1
            self.name, self.total, self.imported, self.status, self.log = "", 0, 0, "none", []

    def shown(self) -> dict[str, Any]:
        """The status as the API tells it."""
        return {"name": self.name, "total": self.total, "imported": self.imported, "status": self.status}

    def _write(self, row: Row, how: Parameters, now: float) -> None:
        if how.mode == "blocklist":
            self.subscribers.upsert_blocklisted(row.email, row.facts, now)
        else:
            self.subscribers.upsert(row.email, row.facts, how.lists, how.status, how.may, now)
