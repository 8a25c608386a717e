"""Tables of the lake at pinned Delta versions, as DuckDB views: reading without an engine, safe while a writer commits.

Every table is read at one version, chosen once, so that a query that names a table twice sees one state of it.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from lakehouse.errors import MissingTableError, QueryError, TerminalError
from lakehouse.storage.discovery import delta_uri, existing_tables, is_remote, newest_version
from lakehouse.tables import TableRef
from lakehouse.utils.atomic_files import make_private_folder
from lakehouse.utils.sql_text import standard_literal

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "python_enable_replacements": False,  # a Python variable named like a table is not a table
    "autoinstall_known_extensions": False,  # nothing is downloaded
    "autoload_known_extensions": False,
    # The one extension loaded is a file of an installed wheel, whose hash the lock file pins: to check DuckDB's
    # signature as well means hashing 82 MB at every start (0.3 s of 0.8 s). Queries of users cannot load anything.
    "allow_unsigned_extensions": True,
}


@dataclass(frozen=True)
class Snapshot:
    """A DuckDB connection with one view per table (`gold.dim_customers`) and the Delta version each is pinned to."""

    connection: duckdb.DuckDBPyConnection
    versions: Mapping[TableRef, int]

    @property
    def database(self) -> str:
        """Name of the database that its views are in, and its tables."""
        return str(self.connection.execute("select current_database()").fetchall()[0][0])


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory, in UTC, that downloads nothing and prints nothing."""
    connection = duckdb.connect(config=_CONFIG)
    connection.execute("set TimeZone = 'UTC'")
    # After two seconds of a query it would draw a bar on standard output, into the JSON somebody reads there.
    connection.execute("set enable_progress_bar = false")
    return connection


@contextmanager
def open_snapshot(
    tables: Iterable[TableRef],
    lake: str,
    optional: Iterable[TableRef] = (),
    beside: duckdb.DuckDBPyConnection | None = None,
) -> Iterator[Snapshot]:
    """Open the newest state of `tables`, and of those `optional` ones that exist.

    `beside` opens it in the same DuckDB as another connection, in a database of its own: queries of that connection can
    name its tables, as `<snapshot.database>.main.<table>`.

    Raises MissingTableError, which names what is missing, and instead of an error of DuckDB, also in the block,
    DamagedTableError when a table is damaged.
    """
    versions: dict[TableRef, int] = {}
    required = list(tables)
    for table in [*required, *optional]:
        found = newest_version(table, lake)
        if found is not None:
            versions[table] = found
        elif table in required:
            _refuse_damaged(lake, [table])
            raise MissingTableError(str(table), [str(known) for known in existing_tables(lake)])
    connection = connect() if beside is None else _database_beside(beside)
    try:
        if versions and not is_remote(lake):
            connection.execute(f"load {standard_literal(str(_delta_extension()))}")
        for table, version in versions.items():
            attach(connection, table, version, lake)
        yield Snapshot(connection, versions)
    except (duckdb.Error, QueryError):
        _refuse_damaged(lake, versions)
        raise
    finally:
        if beside is not None:
            _drop_database(connection)
        connection.close()


@contextmanager
def limited_memory(connection: duckdb.DuckDBPyConnection, limit_gb: float, spill: Path) -> Iterator[None]:
    """Keep the memory of a DuckDB within a limit; what does not fit goes into files in `spill`.

    The folder is this connection's alone; what a killed process left in it is removed, and the folder at the end.
    """
    shutil.rmtree(spill, ignore_errors=True)
    make_private_folder(spill)
    connection.execute(f"set memory_limit = '{limit_gb * 1000:.0f}MB'")
    connection.execute(f"set temp_directory = {standard_literal(str(spill))}")
    connection.execute(f"set threads = {min(os.cpu_count() or 1, _THREADS)}")  # each needs memory of its own
    try:
        yield
    finally:
        shutil.rmtree(spill, ignore_errors=True)


_THREADS = 4
_numbers = itertools.count(1)


def _database_beside(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    found, name = connection.cursor(), f"beside_{next(_numbers)}"
    found.execute(f"attach ':memory:' as {name}")
    found.execute(f"use {name}")
    return found


def _drop_database(connection: duckdb.DuckDBPyConnection) -> None:
    name = connection.execute("select current_database()").fetchall()[0][0]
    connection.execute("use memory")
    connection.execute(f"detach {name}")


def _refuse_damaged(lake: str, tables: Iterable[TableRef]) -> None:
    from lakehouse.storage.damage import refuse_damaged  # delta-rs: readers start without it

    refuse_damaged(lake, tables)


def attach(
    connection: duckdb.DuckDBPyConnection, table: TableRef, version: int, lake: str, name: str | None = None
) -> None:
    """Create a view of one version of a table, under its own name or another one (an identifier)."""
    view = name or str(table)
    connection.execute(f"create schema if not exists {table.layer}")
    if is_remote(lake):
        # DuckDB would need its httpfs extension for an object store; delta-rs reads it and takes filters and columns
        # from DuckDB
        from deltalake import DeltaTable

        rows = DeltaTable(delta_uri(table, lake), version=version).to_pyarrow_dataset()
        registered = f"_{view.replace('.', '_')}"
        connection.register(registered, rows)
        connection.execute(f'create view {view} as select * from "{registered}"')  # noqa: S608 - identifiers only
        return
    location = standard_literal(delta_uri(table, lake))
    connection.execute(f"create view {view} as select * from delta_scan({location}, version => {version})")  # noqa: S608 - a literal


def _delta_extension() -> Path:
    """The extension inside the installed wheel: loaded from there, so nothing is downloaded or copied to the user's
    home."""
    found = importlib.util.find_spec("duckdb_extension_delta")
    folders = [Path(location) for location in found.submodule_search_locations or []] if found else []
    for folder in folders:
        for file in folder.glob(f"extensions/v{duckdb.__version__}/delta.duckdb_extension"):
            return file
    raise TerminalError(
        f"DuckDB's delta extension for version {duckdb.__version__} is not installed",
        "Install the locked dependencies again (`make setup`), or see `lakehouse doctor`.",
    )
