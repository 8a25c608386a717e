"""What landing still has of a bronze table."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from lakehouse.config.feeds import Feed, feeds
from lakehouse.landing.files import digits_of, landed_files, shown
from lakehouse.landing.ledger import Ledger
from lakehouse.landing.source_history import source_of
from lakehouse.tables import TableRef

_NAMED = 3


@dataclass(frozen=True)
class Landed:
    """Landed files of one source and dataset; `blocked`: why they cannot be loaded, and what to do."""

    count_files: int = 0
    count_rows: int = 0
    megabytes: float = 0.0
    lost: tuple[str, ...] = ()
    blocked: str = ""


def landed_for(table: TableRef, dataset: str) -> Landed:
    """What a bronze table can be made from; `lost` names deliveries whose landed files are gone."""
    feed = next((feed for feed in feeds(dataset) if feed.bronze == table), None)
    if feed is None:
        return Landed(
            blocked=f"sources.yml does not declare {dataset} of source {source_of(table, dataset)} (any more): declare"
            " it as it was for this repair, see ops.declarations"
        )
    try:
        files = list(landed_files(feed.landing))
    except (pa.ArrowException, OSError, KeyError) as error:
        return Landed(blocked=f"a landed file in {feed.landing} cannot be read ({type(error).__name__}): restore it")
    there = {digits_of(label) for file in files for label in file.rows}
    size = sum(file.path.stat().st_size for file in files)
    return Landed(len(files), sum(sum(file.rows.values()) for file in files), size / 1e6, tuple(_missing(feed, there)))


def _missing(feed: Feed, there: set[str]) -> list[str]:
    gone = [
        delivery for sha256, delivery in Ledger(feed).landed.items() if delivery.rows and shown(sha256) not in there
    ]
    if not gone:
        return []
    names = ", ".join(delivery.file_name for delivery in gone[:_NAMED])
    return [
        f"{sum(delivery.rows for delivery in gone):,} rows of {len(gone)} deliveries whose landed files are gone"
        f" ({names}{' ...' if len(gone) > _NAMED else ''}): remove {feed.landing}/_journal.jsonl and have them"
        " delivered again"
    ]
