"""Content that comes back: A, then B, then A again. Loading content once must not hide that A is the newest word."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.config.feeds import Feed
from lakehouse.errors import TerminalError
from lakehouse.landing.files import (
    StagedRows,
    digits_of,
    landed_files,
    landed_path,
    shown,
    source_file,
    without_lineage,
)
from lakehouse.landing.ledger import DUPLICATE, LANDED, Delivery, Ledger
from lakehouse.outcome import TableOutcome


def with_returned(feed: Feed, ledger: Ledger, outcome: TableOutcome) -> TableOutcome:
    """Land content once more that repeats what others have replaced since: of snapshots the newest one, of files with
    increments each that is newer than all that were landed.

    It is landed under an identity of its own, made of its content and of the delivery before it, so bronze and silver
    take it for what it is, a new delivery; killed anywhere, the next run makes the same identity. The result is
    `outcome`, that of the load, with the rows landed again added to its counts.

    Raises TerminalError when the rows landed back then are gone.
    """
    if feed.is_full:
        returned, what = _returned_snapshot(ledger), "an earlier snapshot"
    elif feed.kind == "files":
        returned, what = returned_increments(ledger.in_order()), "the content of an earlier file"
    else:
        return outcome  # a watermark says what is new
    note = f"{what} has come back"
    for delivery in returned:
        before = [landed for _, landed in ledger.in_order() if landed.outcome == LANDED][-1]
        identity = hashlib.sha256(f"{delivery.content}\x1e{before.sha256}".encode()).hexdigest()
        rows = _land_again(feed, delivery, identity, what)
        again = replace(delivery, sha256=identity, content_sha256=delivery.content, outcome=LANDED)
        ledger.add(replace(again, reason=note, rows=rows))
        repeated = min(rows, outcome.duplicates)  # none, when an earlier run read it and was stopped before this
        outcome = replace(
            outcome,
            read=outcome.read + rows - repeated,
            loaded=outcome.loaded + rows,
            duplicates=outcome.duplicates - repeated,
            warnings=(
                *outcome.warnings,
                f"{delivery.file_name} of {feed.source}: {note}, its rows are landed once more",
            ),
            skipped=False,
        )
    return outcome


def _returned_snapshot(ledger: Ledger) -> list[Delivery]:
    """The newest snapshot, when the one whose rows were landed last has other content. Those that return and are
    replaced in the same run change nothing."""
    delivered = [delivery for _, delivery in ledger.in_order()]
    landed = [delivery for delivery in delivered if delivery.outcome == LANDED]
    return [delivered[-1]] if landed and delivered[-1].content != landed[-1].content else []


def returned_increments(in_order: Iterable[tuple[int, Delivery]]) -> list[Delivery]:
    """Deliveries, as of Ledger.in_order, that repeat earlier content and whose files are newer than all landed before.

    A folder whose files all have new times of change, in the same order, brings nothing back.
    """
    landed: dict[str, int] = {}  # content -> number of the delivery that landed it last
    returned: dict[str, tuple[int, Delivery]] = {}
    newest = ""
    for _, of_run in groupby(enumerate(in_order), key=lambda arrival: arrival[1][0]):
        for number, (_, delivery) in of_run:
            if delivery.outcome == LANDED:
                returned.pop(delivery.content, None)
                landed[delivery.content] = number
                newest = max(newest, delivery.place)
            elif delivery.outcome == DUPLICATE and delivery.content in landed and delivery.place > newest:
                returned.pop(delivery.content, None)
                returned[delivery.content] = (number, delivery)
        returned = _out_of_place(landed, returned)
    return [delivery for _, delivery in returned.values()]


def _out_of_place(landed: dict[str, int], returned: dict[str, tuple[int, Delivery]]) -> dict[str, tuple[int, Delivery]]:
    """Those of `returned` that are not, in this order, what was landed last before them anyway."""
    others = [number for content, number in landed.items() if content not in returned]
    last = -1
    in_place: set[str] = set()
    for content, (returned_at, _) in returned.items():
        last = max(last, *(number for number in others if number < returned_at), -1)
        if landed[content] < last:
            break
        last = landed[content]
        in_place.add(content)
    return {content: found for content, found in returned.items() if content not in in_place}


def _land_again(feed: Feed, delivery: Delivery, identity: str, what: str) -> int:
    """Copy landed rows under another identity; returns their number."""
    label = source_file(delivery.file_name, identity)
    with StagedRows(feed.landing, identity, label) as staged:
        for rows in _landed_rows(feed, delivery, what):
            staged.write(rows)
        staged.land(landed_path(feed.landing, identity), label)
        return staged.rows


def _landed_rows(feed: Feed, delivery: Delivery, what: str) -> Iterator[pa.RecordBatch]:
    """Rows of content as they were delivered; TerminalError when they are gone from landing."""
    digits, own = shown(delivery.content), landed_path(feed.landing, delivery.content)
    shared = () if own.exists() else landed_files(feed.landing)
    path = next((landed.path for landed in shared if _has(landed.rows, digits)), own)
    if not path.exists():
        problem = (
            f"{delivery.file_name} of source {feed.source} is {what} that has come back, but its landed rows are gone"
        )
        remedy = f"Restore {feed.source}/{feed.dataset}/{own.name} in the landing folder, or have it exported again."
        raise TerminalError(problem, remedy)
    with pq.ParquetFile(path) as file:
        for rows in file.iter_batches(batch_size=65_536):
            yield without_lineage(rows.filter(pc.ends_with(rows["_source_file"], f"@{digits}")))


def _has(labels: Iterable[str], digits: str) -> bool:
    return any(digits_of(label) == digits for label in labels)
