"""Saving what a damaged table still has, and setting its folder aside. Nothing here needs the log to be whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from lakehouse.contracts import FORMER_COLUMNS, Contract, arrow_schema
from lakehouse.storage.damage import damage_of
from lakehouse.storage.discovery import commits_of, delta_uri, local_folder
from lakehouse.tables import TableRef

ASIDE = ".damaged"  # folder of the lake that no reader looks into


@dataclass(frozen=True)
class Salvaged:
    """Rows of a table that are still there, and whether all of its rows are."""

    rows: pa.Table
    is_complete: bool


def salvaged_rows(table: TableRef, contract: Contract, lake: str) -> Salvaged:
    """Every row that is in a readable data file of a table to which rows were only ever added.

    Files that a compaction has replaced are read as well: they may have what the file that replaced them had.
    """
    folder, schema = Path(delta_uri(table, lake)), arrow_schema(contract.columns)
    parts, is_complete = [schema.empty_table()], commits_of(folder) != {}
    for file in sorted(folder.glob("*.parquet")):
        try:
            parts.append(_fitted(pq.read_table(file), schema, FORMER_COLUMNS.get(contract.dataset, {})))
        except (pa.ArrowException, OSError, EOFError):
            is_complete = False
    rows = pa.concat_tables(parts).group_by(schema.names, use_threads=False).aggregate([]).select(schema.names)
    wanted = _recorded_rows(table, lake)
    return Salvaged(rows.cast(schema), is_complete if wanted is None else rows.num_rows >= wanted)


def readable_rows(table: TableRef, key: tuple[str, ...], lake: str) -> pa.Table | None:
    """Rows of the newest version whose log and data files are all there; where there is none, of each key the row in
    the newest data file that can be read. None without any."""
    folder = Path(delta_uri(table, lake))
    for version in sorted(commits_of(folder), reverse=True):
        try:
            return pa.table(DeltaTable(str(folder), version=version).to_pyarrow_table())
        except (DeltaError, OSError, pa.ArrowException):
            continue
    found: pa.Table | None = None
    for file in sorted(folder.glob("*.parquet"), key=lambda file: file.stat().st_mtime_ns, reverse=True):
        try:
            rows = pq.read_table(file)
            schema = pa.schema([field.with_nullable(True) for field in rows.schema]) if found is None else found.schema
            more = rows.select(schema.names).cast(schema)
        except (pa.ArrowException, OSError, EOFError, KeyError):
            continue
        found = more if found is None else pa.concat_tables([found, more.join(found, list(key), join_type="left anti")])
    return found


def set_aside(table: TableRef, lake: str) -> str:
    """Move the folder of a table out of the sight of all readers; returns where it is, or nothing if there is none."""
    folder = Path(delta_uri(table, lake))
    if not folder.exists():
        return ""
    target = local_folder(lake) / ASIDE / f"{table}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(folder, target)
    return str(target)


def _recorded_rows(table: TableRef, lake: str) -> int | None:
    """Number of rows by the log; None when it cannot be read, or does not say."""
    if not commits_of(Path(delta_uri(table, lake))):
        return None
    if (problem := damage_of(table, lake)) and "data files" not in problem:
        return None
    try:
        counts = DeltaTable(delta_uri(table, lake)).get_add_actions(flatten=True).column("num_records").to_pylist()
    except (DeltaError, OSError, KeyError):
        return None
    return None if None in counts else sum(counts)


def _fitted(rows: pa.Table, schema: pa.Schema, former: Mapping[str, str]) -> pa.Table:
    rows = rows.rename_columns([former.get(name, name) for name in rows.column_names])
    absent = pa.nulls(rows.num_rows)
    columns = [rows[field.name] if field.name in rows.column_names else absent for field in schema]
    return pa.table([column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)
