"""Decisions of people about sources: taking one out for good, letting one end, going on with one under another name."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakehouse.config.feeds import Feed, feeds
from lakehouse.config.settings import Settings
from lakehouse.contracts import DATASETS
from lakehouse.errors import TerminalError
from lakehouse.landing.source_history import CHANGES, DECLARATIONS, ENDED, RENAMED, RETIRED, source_history
from lakehouse.landing.vanished_feeds import vanished_feeds
from lakehouse.storage.accepted_losses import accept_losses
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.storage.ops_tables import record
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, bronze, silver

_REFUSALS = "status in ('withdrawn', 'bounced', 'complained')"


@dataclass(frozen=True)
class Removal:
    """What goes from a dataset with a source: rows in bronze that are not read any more, rows in silver whose latest
    version it wrote, and how many of those are refusals of mail."""

    dataset: str
    count_delivered: int
    count_rows: int
    count_refusals: int


def what_retiring_removes(source: str, lake: str) -> list[Removal]:
    """What a rebuild leaves out when the source is retired; TerminalError for one that delivered nothing."""
    delivered = [dataset for dataset in DATASETS if Table(bronze(source, dataset), lake).exists]
    if not delivered:
        raise TerminalError(f"source {source} has no rows in bronze", "Check its name with `lakehouse status`.")
    with open_snapshot([], lake, optional=[silver(dataset) for dataset in delivered]) as snapshot:
        found = []
        for dataset in delivered:
            rows = refusals = 0
            if silver(dataset) in snapshot.versions:
                counted = f"count(*) filter ({_REFUSALS})" if dataset == "consents" else "0"
                query = f"select count(*), {counted} from {silver(dataset)} where _source = ?"
                ((rows, refusals),) = snapshot.connection.execute(query, [source]).fetchall()
            found.append(Removal(dataset, Table(bronze(source, dataset), lake).count_rows(), rows, refusals))
    return found


def retire(source: str, computed: Iterable[TableRef], lake: str) -> None:
    """Record that a source was taken out for good. The next rebuild leaves its rows out, and that tables have fewer
    rows then (those it fed and those `computed` from them) blocks no gate. Twice is once.

    Raises TerminalError for a source that sources.yml still declares, or that delivered nothing.
    """
    fed = what_retiring_removes(source, lake)
    _refuse_declared(source, "Take it out of sources.yml, then retire it.")
    if source in source_history(lake).retired:
        return
    accept_losses([*(silver(removal.dataset) for removal in fed), *computed], f"source {source} was retired", lake)
    record(CHANGES.name, [_change(source, RETIRED, None)], lake)


def ending_datasets(source: str, lake: str) -> list[str]:
    """The datasets that a source delivered and that sources.yml does not declare of it any more, in order.

    Raises TerminalError when there are none, or when they were retired or ended already.
    """
    datasets = sorted({feed.dataset for feed in vanished_feeds(source_history(lake), lake) if feed.source == source})
    if not datasets:
        raise TerminalError(
            f"there is nothing that source {source} delivered and that sources.yml does not declare any more",
            "Take it, or the dataset, out of sources.yml first. Check its name with `lakehouse status`.",
        )
    return datasets


def end(source: str, lake: str) -> list[str]:
    """Record that a source delivers its `ending_datasets` no more; what it delivered stays. Returns them."""
    datasets = ending_datasets(source, lake)
    record(CHANGES.name, [_change(source, ENDED, None) | {"dataset": dataset} for dataset in datasets], lake)
    return datasets


def rename(old: str, new: str, chosen: Settings) -> None:
    """Record that a source goes on under another name: what it drops or changes is held against what it delivered under
    both, and what was loaded is not loaded again. Twice is once; killed in between, it is to be run again.

    Raises TerminalError unless sources.yml declares the new name and not the old one, and the old one has delivered.
    """
    lake, of_new = chosen.lake, [feed for feed in feeds() if feed.source == new]
    _refuse_declared(old, f"Give it the name {new} in sources.yml, then run this again.")
    if not of_new:
        raise TerminalError(
            f"sources.yml does not declare {new}", f"Give {old} the name {new} there, then run this again."
        )
    former = [feed for feed in of_new if Table(bronze(old, feed.dataset), lake).exists]
    if not former:
        raise TerminalError(f"source {old} has no rows in bronze", "Check its name with `lakehouse status`.")
    history = source_history(lake)
    if history.renamed.get(old) != new:
        _record_missing_declarations(old, former, lake)
        record(CHANGES.name, [_change(old, RENAMED, new)], lake)
    for feed in former:
        _move(chosen.landing / old / feed.dataset, feed.landing)


def _record_missing_declarations(old: str, of_new: Iterable[Feed], lake: str) -> None:
    """It is the same source: what it delivered before declarations were recorded is read as today."""
    known, now = source_history(lake).declarations, datetime.now(UTC)
    rows = [
        {
            "source": old,
            "dataset": feed.dataset,
            "declaration": json.dumps(feed.reading, sort_keys=True),
            "from_version": 0,
            "run_id": "rename",
            "recorded_at": now,
        }
        for feed in of_new
        if (old, feed.dataset) not in known
    ]
    record(DECLARATIONS.name, rows, lake)


def _move(old: Path, new: Path) -> None:
    """Landed files and the ledger, unless the source has landed under its new name already."""
    if old.is_dir() and not new.exists():
        new.parent.mkdir(parents=True, exist_ok=True)
        os.replace(old, new)


def _refuse_declared(source: str, remedy: str) -> None:
    if any(feed.source == source for feed in feeds()):
        raise TerminalError(f"sources.yml still declares {source}", remedy)


def _change(source: str, change: str, new_name: str | None) -> dict[str, object]:
    return {
        "source": source,
        "change": change,
        "new_name": new_name,
        "changed_by": getpass.getuser(),
        "changed_at": datetime.now(UTC),
    }
