"""How fresh every table is and whether its last stage succeeded: from the Delta logs and ops.runs, without an engine.

Imports only delta-rs (no DuckDB, and Arrow only if a load failed), so that the command line answers quickly.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from deltalake import DeltaTable, QueryBuilder

from lakehouse.contracts import Stage
from lakehouse.errors import ConfigurationError
from lakehouse.storage.damage import damaged_tables, known_tables, lost_commits
from lakehouse.storage.discovery import delta_uri
from lakehouse.tables import TableRef, ops

_LAST_RUNS = """
    select table_name, stage, run_id, status, finished_at, message
    from (
        select
            *,
            row_number() over (partition by table_name, stage order by finished_at desc, started_at desc) as recency
        from runs
    ) as ranked
    where recency = 1
    order by finished_at, stage
"""


@dataclass(frozen=True)
class LastRun:
    """The newest run of one stage on one table; `message` is its warning or error."""

    stage: str
    run_id: str
    status: str
    finished_at: datetime
    message: str | None


@dataclass(frozen=True)
class TableStatus:
    """One table as it is now; `rows` is None if a writer left no statistics, `last_run` if no run has recorded it.

    `damage` says what is wrong with a damaged table; where it cannot be read, nothing else is known of it.
    """

    table: TableRef
    rows: int | None
    version: int | None
    committed_at: datetime | None
    last_run: LastRun | None
    damage: str | None = None

    def age_seconds(self, now: datetime) -> float | None:
        """Seconds since the last commit."""
        return None if self.committed_at is None else (now - self.committed_at).total_seconds()


@dataclass(frozen=True)
class LakeStatus:
    """All tables in order, and `failed`: (table, run) of the stages whose newest run on a table failed, oldest first.

    A failure is listed until the same stage succeeds on the same table; the failure of a source also until sources.yml
    no longer declares it.
    """

    tables: tuple[TableStatus, ...]
    failed: tuple[tuple[str, LastRun], ...]


def lake_status(lake: str) -> LakeStatus:
    """Status of every table of the lake; a lake without tables gives an empty status."""
    tables = known_tables(lake)
    damaged = damaged_tables(lake, tables)
    behind = lost_commits(lake)
    is_recorded = ops("runs") in tables and ops("runs") not in damaged
    runs = _without_undeclared(_last_runs(lake)) if is_recorded else {}
    newest = {name: max(by_stage, key=lambda run: run.finished_at) for name, by_stage in runs.items()}
    found = tuple(
        TableStatus(table, None, None, None, newest.get(str(table)), damaged[table])
        if table in damaged
        else replace(_table_status(table, lake, newest.get(str(table))), damage=behind.get(table))
        for table in tables
    )
    failed = [(name, run) for name, by_stage in runs.items() for run in by_stage if run.status == "failed"]
    return LakeStatus(found, tuple(sorted(failed, key=lambda entry: entry[1].finished_at)))


def _without_undeclared(runs: Mapping[str, list[LastRun]]) -> Mapping[str, list[LastRun]]:
    """Runs without failed loads of what no source declares any more: no later run could succeed on them."""
    failed = {name for name, by_stage in runs.items() if any(map(_is_failed_load, by_stage))}
    gone = _undeclared(failed) if failed else frozenset()
    kept = {
        name: [run for run in by_stage if name not in gone or not _is_failed_load(run)]
        for name, by_stage in runs.items()
    }
    return {name: by_stage for name, by_stage in kept.items() if by_stage}


def _is_failed_load(run: LastRun) -> bool:
    return run.status == "failed" and run.stage in (Stage.EXTRACT, Stage.BRONZE)


def _undeclared(names: Set[str]) -> Set[str]:
    """Those of the tables that no source in sources.yml loads; empty when that file is not valid."""
    from lakehouse.config.feeds import feeds  # imports Arrow, so only if a load has failed

    try:
        return names - {str(feed.bronze) for feed in feeds()}
    except ConfigurationError:
        return frozenset()


def _table_status(table: TableRef, lake: str, last_run: LastRun | None) -> TableStatus:
    opened = DeltaTable(delta_uri(table, lake))
    files = opened.get_add_actions(flatten=True)
    counts = files.column("num_records").to_pylist() if "num_records" in files.schema.names else [None] * files.num_rows
    rows = None if None in counts else sum(counts)
    committed_at = datetime.fromtimestamp(opened.history(1)[0]["timestamp"] / 1000, UTC)
    return TableStatus(table, rows, opened.version(), committed_at, last_run)


def _last_runs(lake: str) -> Mapping[str, list[LastRun]]:
    """Newest run of every stage by the table it wrote, or failed to write."""
    answer = QueryBuilder().register("runs", DeltaTable(delta_uri(ops("runs"), lake))).execute(_LAST_RUNS).read_all()
    columns = [answer.column(name).to_pylist() for name in answer.schema.names]
    found: dict[str, list[LastRun]] = {}
    for name, stage, run_id, status, finished_at, message in zip(*columns, strict=True):
        found.setdefault(name, []).append(LastRun(stage, run_id, status, finished_at, message))
    return found
