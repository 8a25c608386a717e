"""Complete snapshots from an API, whose rows may move while its pages are read: nobody counts as deleted who may only
have been skipped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pyarrow.parquet as pq

from lakehouse.config.column_mapping import landed_name
from lakehouse.config.feeds import Feed
from lakehouse.contracts import DATASETS
from lakehouse.landing.files import landed_path, without_lineage
from lakehouse.landing.ledger import Ledger
from lakehouse.landing.readable import readable_text, repaired
from lakehouse.sources.rest_pages import Record


class SnapshotKeys:
    """Which keys the snapshot before had, and which of them were seen since.

    A key is the landed columns that the contract's key is mapped from.
    """

    def __init__(self, feed: Feed, ledger: Ledger) -> None:
        self._columns = columns_behind_key(feed)
        before = ledger.in_order()[-1:]
        path = landed_path(feed.landing, before[0][1].content) if before else None
        self._path = path if path is not None and path.exists() else None
        self._seen: set[bytes] = set()
        self._delivered: dict[str, str] = {}  # landed name -> as this load delivers it

    def unseen(self, records: list[Record]) -> list[Record]:
        """The records whose key was not seen yet; now it is."""
        new = []
        for record in records:
            names = {name: landed_name(name, 0) for name in record}
            self._delivered.update({landed: name for name, landed in names.items()})
            key = self._key_of({names[name]: value for name, value in record.items()})
            if key not in self._seen:
                self._seen.add(key)
                new.append(record)
        return new

    def missing(self) -> Iterator[Record]:
        """Rows of the snapshot before whose key was not seen."""
        if self._path is None:
            return
        with pq.ParquetFile(self._path) as landed:
            for rows in landed.iter_batches(batch_size=65_536):
                for row in without_lineage(rows).to_pylist():
                    if self._key_of(row) not in self._seen:
                        yield {self._delivered.get(name, name): value for name, value in row.items()}

    def _key_of(self, row: Record) -> bytes:
        values = [readable_text(row.get(name)) for name in self._columns]
        text = "\x1f".join("\x00" if value is None else repaired(value) for value in values)
        return hashlib.blake2b(text.encode(), digest_size=16).digest()


def columns_behind_key(feed: Feed) -> tuple[str, ...]:
    """Landed columns that the key of the feed's dataset is mapped from."""
    key, mapping = DATASETS[feed.dataset].key, feed.declaration.mapping
    return tuple(dict.fromkeys(name for column in key if column in mapping for name in mapping[column].columns))
