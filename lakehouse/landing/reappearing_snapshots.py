"""Snapshots that come back: A, then B, then A again. Loading content once must not hide that the newest snapshot is
A."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.config.feeds import Feed
from lakehouse.errors import TerminalError
from lakehouse.landing.files import StagedRows, landed_path, source_file, without_lineage
from lakehouse.landing.ledger import LANDED, Delivery, Ledger
from lakehouse.outcome import TableOutcome

_NOTE = "an earlier snapshot has come back"


def with_reappeared(feed: Feed, ledger: Ledger, outcome: TableOutcome) -> TableOutcome:
    """Of a feed whose deliveries are complete snapshots: land the newest once more when it repeats one that another has
    replaced since.

    It is landed under an identity of its own, made of its content and of the snapshot before it, so bronze and silver
    take it for what it is, a new delivery; killed anywhere, the next run makes the same identity. Deliveries that
    return and are replaced in the same run change nothing and stay duplicates. The result is `outcome`, that of the
    load, with the rows landed again added to its counts.

    Raises TerminalError when the rows landed back then are gone.
    """
    found = ledger.newest_and_current()
    if found is None or found[0].content == found[1].content:
        return outcome
    newest, current = found
    identity = hashlib.sha256(f"{newest.content}\x1e{current.sha256}".encode()).hexdigest()
    rows = _land_again(feed, newest, identity)
    ledger.add(replace(newest, sha256=identity, content_sha256=newest.content, outcome=LANDED, reason=_NOTE, rows=rows))
    warning = f"{newest.file_name} of {feed.source}: {_NOTE}, its rows are landed once more"
    repeated = min(rows, outcome.duplicates)  # none, when an earlier run read it and was stopped before it came here
    return TableOutcome(
        outcome.table,
        read=outcome.read + rows - repeated,
        loaded=outcome.loaded + rows,
        duplicates=outcome.duplicates - repeated,
        warnings=(*outcome.warnings, warning),
    )


def _land_again(feed: Feed, newest: Delivery, identity: str) -> int:
    """Copy landed rows under another identity; returns their number."""
    landed, label = landed_path(feed.landing, newest.content), source_file(newest.file_name, identity)
    if not landed.exists():
        problem = (
            f"{newest.file_name} of source {feed.source} is an earlier snapshot that has come back,"
            " but its landed rows are gone"
        )
        raise TerminalError(
            problem,
            f"Restore {feed.source}/{feed.dataset}/{landed.name} in the landing folder, or have the snapshot exported"
            " again.",
        )
    with StagedRows(feed.landing, identity, label) as staged:
        for rows in _delivered_rows(landed):
            staged.write(rows)
        staged.land(landed_path(feed.landing, identity), label)
        return staged.rows


def _delivered_rows(landed: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(landed) as file:
        for rows in file.iter_batches(batch_size=65_536):
            yield without_lineage(rows)
