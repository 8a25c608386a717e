"""Reading and comparing Delta lakes with DuckDB: an eye of its own, independent of the engines that wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from duckdb_extensions import import_extension

# Columns that say when and by which run something was written; everything else must agree between engines and between
# runs.
WRITE_TIME_COLUMNS = frozenset(
    {"_updated_at", "_ingested_at", "_batch_id", "quarantined_at", "held_since_at", "linked_at", "version_id"}
)

# Tables of gold that only note when and from what gold was built.
BOOKKEEPING = frozenset({"gold.int_gold_progress", "gold.int_run_inputs", "gold.int_customers_changed"})


def connection() -> duckdb.DuckDBPyConnection:
    """DuckDB with the bundled Delta extension, in UTC."""
    con = duckdb.connect()
    import_extension("delta", con=con)
    con.execute("set timezone = 'UTC'")
    return con


def tables(lake: Path, *layers: str) -> list[str]:
    """`layer.table` names of the Delta tables below a lake root, sorted."""
    return sorted(
        f"{layer}.{path.name}"
        for layer in layers
        for path in (lake / layer).glob("*")
        if (path / "_delta_log").is_dir()
    )


def result_tables(lake: Path) -> list[str]:
    """Tables of silver and gold that two lakes with the same deliveries must agree on: all but gold's bookkeeping."""
    return [name for name in tables(lake, "silver", "gold") if name not in BOOKKEEPING]


def rows(lake: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query in which {silver.contacts} stands for that table of the lake."""
    con = connection()
    names = {name for name in tables(lake, "bronze", "silver", "gold", "ops") if "{" + name + "}" in query}
    for name in names:
        query = query.replace("{" + name + "}", f"delta_scan('{lake / name.replace('.', '/')}')")
    return con.execute(query).fetchall()


def difference(
    left: Path, right: Path, table: str, ignore: frozenset[str] = WRITE_TIME_COLUMNS
) -> list[tuple[Any, ...]]:
    """Rows (with multiplicity) that only one of two lakes has in a table, at most 20; empty when the tables are
    equal."""
    con = connection()
    scans = [f"delta_scan('{lake / table.replace('.', '/')}')" for lake in (left, right)]
    columns = [[row[0] for row in con.execute(f"describe select * from {scan}").fetchall()] for scan in scans]
    assert sorted(columns[0]) == sorted(columns[1]), (
        f"{table}: columns differ: {sorted(set(columns[0]) ^ set(columns[1]))}"
    )
    chosen = ", ".join(f'"{name}"' for name in sorted(columns[0]) if name not in ignore)
    first, second = (f"select {chosen} from {scan}" for scan in scans)
    return con.execute(
        f"(select 'left' as only_in, * from ({first} except all {second}) limit 10)"
        f" union all (select 'right', * from ({second} except all {first}) limit 10)"
    ).fetchall()
