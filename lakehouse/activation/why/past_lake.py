"""The lake as it was at an export: tables at the versions of that time, read only when something is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
from deltalake.exceptions import DeltaError

from lakehouse.activation.consent.firewall import PLATFORM_REFUSALS
from lakehouse.activation.records.proofs import Proof
from lakehouse.storage.discovery import newest_version
from lakehouse.storage.duckdb_views import Snapshot, attach
from lakehouse.storage.progress import GOLD_BUILT
from lakehouse.tables import Layer, TableRef, ops

PROGRESS = ops("progress")
# What the build of gold that the export used was made from.
_INPUTS = """
    select input_table, input_version
    from ops.progress
    where stage = $stage and recorded_at <= $moment
    qualify recorded_at = max(recorded_at) over ()
"""
Row = dict[str, Any]


@dataclass
class PastLake:
    """Tables at the versions that one export used.

    Attributes:
        connection: a DuckDB whose queries may name the tables once they were opened.
        versions: Delta version by table.
        unreadable: tables whose version cannot be read any more, because its files or its log are gone.
    """

    connection: duckdb.DuckDBPyConnection
    lake: str
    versions: Mapping[TableRef, int]
    unreadable: dict[TableRef, int] = field(default_factory=dict)
    _opened: set[TableRef] = field(default_factory=set)

    def has(self, *tables: TableRef) -> bool:
        """Whether all of the tables were there, and can be named in a query."""
        return all(self._open(table) for table in tables)

    def has_newest(self, table: TableRef) -> bool:
        """Whether the newest version of a table whose rows never change can be named in a query."""
        if table not in self.versions and (version := newest_version(table, self.lake)) is not None:
            self.versions = {**self.versions, table: version}
        return self.has(table)

    def rows(self, query: str, values: Mapping[str, Any] | Sequence[Any], *tables: TableRef) -> list[Row]:
        """Rows of a query over the tables; none when one of them was not there, or cannot be read any more."""
        if not self.has(*tables):
            return []
        try:
            return rows_of(self.connection.execute(query, values))
        except (duckdb.IOException, OSError, DeltaError):
            self.unreadable |= {table: self.versions[table] for table in tables}
            return []

    def snapshot(self, *tables: TableRef) -> Snapshot:
        """Those of the tables that were there and can be read, as what an export opens."""
        return Snapshot(self.connection, {table: self.versions[table] for table in tables if self.has(table)})

    def _open(self, table: TableRef) -> bool:
        if table in self._opened:
            return True
        if table not in self.versions or table in self.unreadable:
            return False
        try:
            attach(self.connection, table, self.versions[table], self.lake)
        except (duckdb.Error, OSError, DeltaError):
            self.unreadable[table] = self.versions[table]
            return False
        self._opened.add(table)
        return True


def rows_of(found: duckdb.DuckDBPyConnection) -> list[Row]:
    """The rows of a query as dictionaries."""
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def past_lake(export: Proof, now: Snapshot, lake: str) -> PastLake:
    """The lake at an export.

    The manifest names the versions that the export read itself; those of the other silver tables are the ones that gold
    had been built from, and of bronze, whose rows never change, the newest.

    Args:
        export: with its manifest.
        now: the newest ops tables.
        lake: root of the lake.
    """
    versions: dict[TableRef, int] = {}
    if PROGRESS in now.versions:
        moment: datetime = export.started_at
        inputs = now.connection.execute(_INPUTS, {"stage": GOLD_BUILT, "moment": moment}).fetchall()
        versions = {TableRef.parse(name): version for name, version in inputs if name.startswith("silver.")}
    versions |= {TableRef.parse(name): version for name, version in export.manifest.get("table_versions", {}).items()}
    asked = {table: at for table, at in versions.items() if table.layer is not Layer.OPS or table == PLATFORM_REFUSALS}
    return PastLake(now.connection, lake, asked)
