"""What became of sources: the declarations their rows were loaded under, retirements and new names, as data.

A rebuild is made of everything in bronze. sources.yml says how the sources of today are read; how those are read that
it does not declare any more, or declares under another name, is in ops.declarations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakehouse.config.column_mapping import ColumnMapping
from lakehouse.config.event_feeds import event_feed
from lakehouse.config.feeds import Feed, feeds
from lakehouse.config.settings import settings
from lakehouse.config.source_fields import DatasetDeclaration
from lakehouse.contracts import DATASETS
from lakehouse.errors import ContractError
from lakehouse.storage.discovery import existing_tables
from lakehouse.storage.ops_tables import record
from lakehouse.storage.progress import worked_up_to
from lakehouse.storage.table import Table
from lakehouse.tables import Layer, TableRef, bronze, ops, silver

DECLARATIONS, CHANGES = ops("declarations"), ops("source_changes")
RETIRED, RENAMED, ENDED = "retired", "renamed", "ended"


@dataclass(frozen=True)
class SourceHistory:
    """`declarations`: (source, dataset) -> its newest declaration. `renamed`: source -> the name it goes on under.
    `retired`: sources taken out for good. `ended`: (source, dataset) -> when somebody said that it delivers no more."""

    declarations: dict[tuple[str, str], dict[str, Any]]
    renamed: dict[str, str]
    retired: frozenset[str]
    ended: dict[tuple[str, str], datetime]

    def owner(self, source: str) -> str:
        """The name under which a source goes on today."""
        seen = {source}
        while (name := self.renamed.get(source)) is not None and name not in seen:
            seen.add(name)
            source = name
        return source


def source_history(lake: str) -> SourceHistory:
    """All that was recorded about sources."""
    declarations = {
        (row["source"], row["dataset"]): json.loads(row["declaration"])
        for row in _rows(DECLARATIONS, lake, "recorded_at")
    }
    decisions = _rows(CHANGES, lake, "changed_at")
    changes = {row["source"]: row for row in decisions if row["change"] != ENDED}
    return SourceHistory(
        declarations,
        {source: str(row["new_name"]) for source, row in changes.items() if row["change"] == RENAMED},
        frozenset(source for source, row in changes.items() if row["change"] == RETIRED),
        {(row["source"], row["dataset"]): row["changed_at"] for row in decisions if row["change"] == ENDED},
    )


def former_names(source: str, lake: str) -> list[str]:
    """The names under which a source delivered before; a look at one log where none was ever renamed."""
    if not Table(CHANGES, lake).exists:
        return []
    history = source_history(lake)
    return sorted(name for name in history.renamed if name != source and history.owner(name) == source)


def known_feeds(dataset: str, history: SourceHistory | None = None) -> list[Feed]:
    """The feeds of a dataset that are declared, and after them those that sources.yml does not declare any more and
    that brought rows into bronze; without retired sources. `history`: where the caller has read it already.

    Raises ContractError for an unknown dataset and ConfigurationError for a wrong sources.yml.
    """
    declared, history = declared_feeds(dataset), history or source_history(settings().lake)
    names = {feed.source for feed in declared}
    former = [
        _former_feed(source, dataset, read, history.owner(source))
        for (source, of_dataset), read in sorted(history.declarations.items())
        if of_dataset == dataset and source not in names and source not in history.retired
    ]
    return [*declared, *(feed for feed in former if Table(feed.bronze, settings().lake).exists)]


def declared_feeds(dataset: str) -> list[Feed]:
    """The feeds of a dataset that sources.yml declares, and the stream that the streaming job has written for it.

    Raises ContractError for an unknown dataset and ConfigurationError for a wrong sources.yml or events.yml.
    """
    declared, stream = feeds(dataset), event_feed(dataset)
    is_written = stream is not None and Table(stream.bronze, settings().lake).exists
    return [*declared, stream] if stream is not None and is_written else declared


def retired_bronze(dataset: str, history: SourceHistory) -> list[TableRef]:
    """Bronze tables of a dataset whose sources were taken out for good."""
    declared = {feed.bronze for feed in feeds(dataset)}
    return [
        table
        for table in bronze_tables(dataset, settings().lake)
        if source_of(table, dataset) in history.retired and table not in declared
    ]


def refuse_unread_bronze(dataset: str, known: Iterable[Feed], retired: Iterable[TableRef]) -> None:
    """ContractError when bronze has rows of the dataset that nobody knows how to read: a rebuild would forget them."""
    lake = settings().lake
    read = {*(feed.bronze for feed in known), *retired}
    unread = [table for table in bronze_tables(dataset, lake) if table not in read]
    unread = [table for table in unread if not Table(table, lake).is_never_loaded]
    if unread:
        sources = " and ".join(source_of(table, dataset) for table in unread)
        raise ContractError(
            dataset,
            f"{', '.join(map(str, unread))} has rows of a source that sources.yml does not declare and whose"
            " declaration was not recorded, so a rebuild would forget them",
            f"Declare {sources} in sources.yml for one run, or take it out for good with `lakehouse sources retire`.",
        )


def bronze_tables(dataset: str, lake: str) -> list[TableRef]:
    """Tables of bronze with rows of a dataset, whoever delivered them."""
    return [table for table in existing_tables(lake) if dataset_of(table) == dataset]


def dataset_of(table: TableRef) -> str | None:
    """The dataset whose rows a table of bronze has: the longest name that fits (campaign_members, not members)."""
    if table.layer is not Layer.BRONZE:
        return None
    return max((name for name in DATASETS if table.name.endswith(f"_{name}")), key=len, default=None)


def source_of(table: TableRef, dataset: str) -> str:
    """The source that a bronze table belongs to."""
    return table.name.removesuffix(f"_{dataset}")


def in_other_namespace(declared: Iterable[Feed], history: SourceHistory) -> list[Feed]:
    """Feeds with rows in silver whose ids have another name now: rows of before and of now would not fit together."""
    lake, found = settings().lake, []
    for feed in declared:
        before = history.declarations.get((feed.source, feed.dataset), feed.reading)
        is_loaded = worked_up_to(silver(feed.dataset), feed.bronze, lake) >= 0
        if before.get("namespace", {}) != feed.reading.get("namespace", {}) and is_loaded:
            found.append(feed)
    return found


def record_declarations(declared: Iterable[Feed], history: SourceHistory, run_id: str) -> list[Feed]:
    """Note how the rows of these feeds are read, before they are; returns the feeds that were read otherwise until
    now."""
    lake = settings().lake
    known, now = history.declarations, datetime.now(UTC)
    new = [
        feed
        for feed in declared
        if known.get((feed.source, feed.dataset)) != feed.reading and Table(feed.bronze, lake).exists
    ]
    rows = [
        {
            "source": feed.source,
            "dataset": feed.dataset,
            "declaration": json.dumps(feed.reading, sort_keys=True),
            "from_version": worked_up_to(silver(feed.dataset), feed.bronze, lake) + 1,
            "run_id": run_id,
            "recorded_at": now,
        }
        for feed in new
    ]
    record(DECLARATIONS.name, rows, lake)
    return [feed for feed in new if (feed.source, feed.dataset) in known]


def _former_feed(source: str, dataset: str, read: dict[str, Any], owner: str) -> Feed:
    mapping = {column: ColumnMapping.model_validate(mapped) for column, mapped in read["mapping"].items()}
    # Not validated again: it was valid when it was written, and a contract may ask for more today.
    declaration = DatasetDeclaration.model_construct(
        dataset=dataset, load=read["load"], timezone=read["timezone"], mapping=mapping, other_columns="*"
    )
    return Feed(
        source=source,
        dataset=dataset,
        kind=read["kind"],
        load=read["load"],
        timezone=read["timezone"],
        bronze=bronze(source, dataset),
        landing=settings().landing / source / dataset,
        origin=None,
        declaration=declaration,
        owner=owner,
        namespaces=read.get("namespace", {}),
    )


def _rows(table: TableRef, lake: str, time: str) -> list[dict[str, Any]]:
    """Rows of an ops table, oldest first."""
    found = Table(table, lake).rows()
    return [] if found is None else sorted(found.to_pylist(), key=lambda row: row[time])
