"""Feeds that delivered and that sources.yml does not declare any more, although nobody decided so.

A source that is deleted from sources.yml by mistake is not read any more, and neither are the refusals that it
delivers. Whoever deletes one says so: `lakehouse sources retire` or `lakehouse sources rename`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lakehouse.config.feeds import feeds
from lakehouse.landing.source_history import SourceHistory, dataset_of, source_of
from lakehouse.storage.discovery import existing_tables
from lakehouse.storage.table import Table


@dataclass(frozen=True)
class VanishedFeed:
    """`last_at`: when it last delivered something."""

    source: str
    dataset: str
    last_at: datetime


def vanished_feeds(history: SourceHistory, lake: str) -> list[VanishedFeed]:
    """Feeds with rows in bronze that are not declared, under whatever name, and that nobody retired or ended since they
    last delivered."""
    declared = {(feed.source, feed.dataset) for feed in feeds()}
    found = []
    for table in existing_tables(lake):
        dataset = dataset_of(table)
        if dataset is None:
            continue
        source = source_of(table, dataset)
        names = {source, history.owner(source)}
        if any((name, dataset) in declared or name in history.retired for name in names):
            continue
        last_at = Table(table, lake).latest_time("_ingested_at")
        ended_at = max((at for name in names if (at := history.ended.get((name, dataset)))), default=None)
        if last_at is not None and (ended_at is None or ended_at < last_at):
            found.append(VanishedFeed(history.owner(source), dataset, last_at))
    return found
