"""Read-only SQL over the lake without an engine or a server: one SELECT over bronze|silver|gold|ops.<table>, its
EXPLAIN, or SHOW TABLES.

The query is parsed before it runs: it may name tables of the lake, and a few table functions that read no files.
DuckDB is then locked down (no files or network but the lake, no settings), so that a query that passes the check by
mistake can do no harm either.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from lakehouse.errors import LakehouseError, MissingTableError, QueryError
from lakehouse.storage.discovery import existing_tables, is_remote, local_folder
from lakehouse.storage.duckdb_views import Snapshot, connect, open_snapshot
from lakehouse.tables import Layer, TableRef
from lakehouse.utils.sql_text import standard_literal

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
_ONE_SELECT = (
    "Give one SELECT (or DESCRIBE, SUMMARIZE, EXPLAIN, VALUES) over tables such as gold.dim_customers, or SHOW TABLES;"
    " the lake is written by `lakehouse run` only."
)
_SHOW_TABLES = re.compile(rf"\s*show\s+(all\s+)?tables(\s+from\s+(?P<layer>{'|'.join(Layer)}))?\s*;?\s*", re.IGNORECASE)
_EXPLAIN = re.compile(r"\A\s*explain\s", re.IGNORECASE)


@dataclass(frozen=True)
class Result:
    """Result of a query: column names in order (made unique), and an open cursor to stream rows from."""

    columns: tuple[str, ...]
    cursor: duckdb.DuckDBPyConnection

    def rows(self, size: int = 1000) -> Iterator[tuple[Any, ...]]:
        """The rows as Python values: Decimal, datetime (UTC), date, list, dict ..."""
        while batch := _with_own_errors(lambda: self.cursor.fetchmany(size)):
            yield from batch

    def arrow(self, size: int = 100_000) -> pa.RecordBatchReader:
        """The rows as Arrow record batches, with unique column names."""
        import pyarrow as pa

        reader = _with_own_errors(lambda: self.cursor.to_arrow_reader(size))
        schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, self.columns, strict=True)])
        return pa.RecordBatchReader.from_batches(
            schema, (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in reader)
        )


@contextmanager
def run_query(query: str, lake: str, scratch: Path, timeout_seconds: float) -> Iterator[Result]:
    """Run one read-only query; only the tables it names are opened, each at its newest version.

    Args:
        query: the query.
        lake: root of the lake.
        scratch: folder that DuckDB may spill to.
        timeout_seconds: the query is cancelled after this time.

    Raises:
        QueryError: the query is not valid, not allowed, or took too long.
        MissingTableError: lists the tables that exist.
    """
    if show := _SHOW_TABLES.fullmatch(query):
        tables, query = [], _list_tables_query(lake, show["layer"])
    else:
        tables = tables_in_query(query, lake)
    with open_snapshot(tables, lake) as snapshot:
        _lock_down(snapshot, lake, scratch)
        timer = threading.Timer(timeout_seconds, snapshot.connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            cursor = _with_own_errors(lambda: snapshot.connection.execute(query), lake)
            yield Result(_unique([str(column[0]) for column in cursor.description or []]), cursor)
        finally:
            timer.cancel()


def _list_tables_query(lake: str, layer: str | None) -> str:
    """A query that lists the tables of one layer or of all (DuckDB itself knows only the ones that were opened)."""
    names = ", ".join(
        standard_literal(str(table)) for table in existing_tables(lake) if layer is None or table.layer == layer.lower()
    )
    return f"""
        select split_part(name, '.', 1) as layer, split_part(name, '.', 2) as "table"
        from (select unnest([{names}]::varchar[]) as name)
    """  # noqa: S608 - literals are quoted


def tables_in_query(query: str, lake: str) -> list[TableRef]:
    """Tables of the lake that a query names, sorted.

    Raises:
        QueryError: it is not one plain SELECT over such tables, or the EXPLAIN of one.
        MissingTableError: a name without a layer is not that of a WITH query around it.
    """
    with connect() as parser:
        _close_off(parser)
        try:
            statements = parser.extract_statements(query)
            # A literal: a bound parameter would make DuckDB import pandas, which takes longer than the query.
            found = parser.execute(
                f"select json_serialize_sql({standard_literal(_EXPLAIN.sub('', query, count=1))})"
            ).fetchone()
        except duckdb.Error as error:
            raise QueryError(_first_line(error), _ONE_SELECT) from None
    tree = json.loads(found[0]) if found else {"error": True}
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements were given", _ONE_SELECT)
    if tree["error"]:
        statement = statements[0].type.name
        is_explain = statement == "EXPLAIN"
        problem = "only a plain SELECT can be explained" if is_explain else f"{statement} is not a plain SELECT"
        raise QueryError(problem, _ONE_SELECT)
    tables: set[TableRef] = set()
    for node, named in _nodes(tree):
        kind = node.get("type")
        if kind == "TABLE_FUNCTION" and (name := node["function"]["function_name"]) not in _TABLE_FUNCTIONS:
            raise QueryError(
                f"the table function {name} is not allowed",
                f"Allowed are {', '.join(sorted(_TABLE_FUNCTIONS))}. {_ONE_SELECT}",
            )
        if kind == "SHOW_REF" and not node["query"]:
            raise QueryError(
                "SHOW can only list tables, and cannot be part of another query",
                f"Write SHOW TABLES, or SHOW TABLES FROM {' | '.join(Layer)}.",
            )
        if kind == "BASE_TABLE" and not (_is_bare(node) and node["table_name"].lower() in named):
            tables.add(_table(node, lake))
    return sorted(tables)


def _nodes(tree: Any, named: frozenset[str] = frozenset()) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """Every object of a parse tree, depth first, with the names (in lower case) of the CTEs around it."""
    if isinstance(tree, dict):
        named |= {entry["key"].lower() for entry in tree.get("cte_map", {}).get("map", [])}
        yield tree, named
    for below in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(below, named)


def _is_bare(node: dict[str, Any]) -> bool:
    return not (node["schema_name"] or node["catalog_name"])


def _table(node: dict[str, Any], lake: str) -> TableRef:
    written = ".".join(filter(None, [node["catalog_name"], node["schema_name"], node["table_name"]]))
    if _is_bare(node):
        raise MissingTableError(written, [str(table) for table in existing_tables(lake)])
    if node["catalog_name"] or node["schema_name"] not in list(Layer):
        raise QueryError(
            f"{written} is not a table of the lake",
            f"Tables are named <layer>.<table> with a layer of {', '.join(Layer)}.",
        )
    if node["at_clause"]:
        raise QueryError(f"{written} AT (...): only the newest version can be read", "Leave out the AT clause.")
    try:
        return TableRef(Layer(node["schema_name"]), node["table_name"])
    except ValueError as error:
        raise QueryError(str(error), "`lakehouse status` lists the tables.") from None


def _lock_down(snapshot: Snapshot, lake: str, scratch: Path) -> None:
    """Allow only reading the lake and writing DuckDB's spill files, and no change of settings, from here on."""
    scratch.mkdir(parents=True, exist_ok=True)
    connection = snapshot.connection
    connection.execute(f"set temp_directory = {standard_literal(str(scratch))}")
    if not is_remote(lake):
        connection.execute(f"set allowed_directories = [{standard_literal(f'{local_folder(lake)}/')}]")
    _close_off(connection)


def _close_off(connection: duckdb.DuckDBPyConnection) -> None:
    """Allow no files, network or extensions beyond what is allowed by now, and no change of settings, from here on."""
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _with_own_errors(step: Callable[[], T], lake: str = "") -> T:
    """Run one step of DuckDB; its errors are raised as errors of this project, which say what to do."""
    try:
        return step()
    except duckdb.Error as error:
        raise _explained(error, lake) from None


def _explained(error: duckdb.Error, lake: str) -> LakehouseError:
    problem = _first_line(error)
    if "INTERRUPT" in problem:  # raised as its own type by execute, wrapped into others while rows are fetched
        return QueryError(
            "cancelled because it took longer than LAKEHOUSE_QUERY_TIMEOUT_SECONDS",
            "Select fewer rows or columns, or raise that setting.",
        )
    if isinstance(error, duckdb.CatalogException) and "Table with name" in problem:
        name = problem.split("Table with name ", 1)[1].split(" ", 1)[0].rstrip("!").strip('"')
        return MissingTableError(name, [str(table) for table in existing_tables(lake)])
    if isinstance(error, duckdb.PermissionException):
        return QueryError(problem, _ONE_SELECT)
    if isinstance(error, duckdb.OutOfMemoryException):
        return QueryError(problem, "Select fewer columns or rows, or run it on the engine.")
    return QueryError(problem, '`lakehouse sql "describe <layer>.<table>"` shows a table\'s columns.')


def _first_line(error: Exception) -> str:
    """DuckDB's message without the excerpt of the query; the candidates that it suggests are kept."""
    lines = [line.strip() for line in str(error).split("\n\nLINE")[0].splitlines()]
    return " ".join(filter(None, lines))


def _unique(names: list[str]) -> tuple[str, ...]:
    """Column names made unique (`a`, `a_1`), because they become the keys of an object."""
    seen: dict[str, int] = {}
    unique: list[str] = []
    for name in names:
        while name in seen:
            seen[name] += 1
            name = f"{name}_{seen[name]}"
        seen[name] = 0
        unique.append(name)
    return tuple(unique)
