"""Source kind `rest`: a paginated JSON API.

Pages go to landing as they come; what repeats is dropped, what never ends is stopped. A complete snapshot in which rows
moved while it was read deletes nobody, an increment does not move its watermark.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from lakehouse.config.feeds import Feed
from lakehouse.config.rest_models import RestDataset
from lakehouse.landing.incremental_load import IncrementalLoad
from lakehouse.landing.ledger import Ledger
from lakehouse.landing.watermark import is_within, watermark_of
from lakehouse.outcome import TableOutcome
from lakehouse.sources.rest_client import mapped_errors
from lakehouse.sources.rest_pages import Reading, Record
from lakehouse.sources.rest_snapshot import SnapshotKeys
from lakehouse.window import BatchWindow


def land_endpoint(feed: Feed, ledger: Ledger, window: BatchWindow) -> TableOutcome:
    """Land the records of the feed's endpoint: all of them, those from the last watermark on, or for a backfill those
    of its window.

    Raises SourceUnavailableError when the API cannot be reached or keeps failing, TerminalError when it refuses.
    """
    declared = feed.declaration
    assert isinstance(declared, RestDataset)
    watermark = declared.watermark or ""
    is_again = bool(window.is_backfill and not window.is_full and watermark)
    columns: dict[str, None] = {}
    keys = SnapshotKeys(feed, ledger) if feed.is_full else None

    def take(records: list[Record]) -> None:
        for record in records:
            columns.update(dict.fromkeys(record))
        load.add(records, [_watermark(record, watermark) for record in records])

    with mapped_errors(feed), IncrementalLoad(feed, ledger, declared.path, window.is_full, is_again) as load:
        parameters = _parameters(declared, window.start if is_again else load.start)
        reading = Reading(feed, parameters, is_known=bool(ledger.landed))
        for page, is_repeated in reading.pages():
            records = [r for r in page if is_within(_watermark(r, watermark), window)] if is_again else page
            if is_repeated:
                load.skip(records)
                continue
            if keys is not None:
                keys.unseen(records)
            take(records)
        if columns:
            load.check_columns(feed.required_columns, _with_nested(columns, watermark))
        if reading.is_first_missing:
            load.warn(f"the answer has no {declared.records}, which is taken for nothing new")
        if keys is not None and reading.count_records:
            _keep_who_was_skipped(Reading(feed, parameters, is_known=True), reading, keys, take, load)
        elif reading.is_shifted:
            load.stay()
            load.warn(
                "records were deleted while the pages were read, so some may have been skipped;"
                f" {'run the backfill again' if is_again else 'the next load reads the same once more'}"
            )
        return load.finish()


def _keep_who_was_skipped(
    again: Reading,
    first: Reading,
    keys: SnapshotKeys,
    take: Callable[[list[Record]], None],
    load: IncrementalLoad,
) -> None:
    """Make a complete snapshot of what was read: rows of the snapshot before that did not come are looked for once
    more, and are kept where the second reading is not whole either."""
    is_whole = not (first.is_shifted or first.is_short)
    if is_whole and (first.count_pages < 2 or next(keys.missing(), None) is None):
        return
    for page, is_repeated in again.pages():
        if not is_repeated:
            take(keys.unseen(page))
    if not (again.is_shifted or again.is_short):
        return
    kept = list(keys.missing())
    take(kept)
    found = "records were deleted" if again.is_shifted else f"{again.count_records} of {again.total} records came"
    load.warn(
        f"{found} while the pages were read: nothing counts as deleted, and"
        f" {len(kept)} rows of the load before that did not come are kept"
    )


def _watermark(record: Record, path: str) -> Any:
    """The watermark of a record: a column, or a value within one (attributes.updated); None where there is none."""
    found: Any = record
    if path in record:
        found = record[path]
    else:
        for key in path.split("."):
            found = found.get(key) if isinstance(found, dict) else None
    return None if isinstance(found, (dict, list, bool)) else watermark_of(found)


def _with_nested(columns: dict[str, None], watermark: str) -> list[str]:
    """The delivered columns, and the watermark where it is a value within one of them."""
    head, dot, _ = watermark.partition(".")
    return [*columns, *([watermark] if dot and head in columns and watermark not in columns else [])]


def _parameters(declared: RestDataset, start: Any) -> dict[str, str]:
    parameters = {name: value.resolve() for name, value in declared.params.items()}
    since = _written(start) if start is not None else declared.since
    if declared.since_parameter and since is not None:
        parameters[declared.since_parameter] = since
    return parameters


def _written(watermark: Any) -> str:
    """A watermark as a query parameter: ISO 8601, with Z for UTC as most APIs write it."""
    return watermark.isoformat().replace("+00:00", "Z") if isinstance(watermark, (date, datetime)) else str(watermark)
