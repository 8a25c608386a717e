"""Read delivered files with DuckDB, all columns as strings; empty CSV fields are null."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from lakehouse.sample.package import attach_package

DATASETS = ("contacts", "consents", "products", "campaigns", "campaign_members", "redemptions", "transactions")


def rows(query: str, folder: Path) -> list[tuple[Any, ...]]:
    """Rows of a query; {transactions}, {contacts} ... are files of a clean sample, source_* the package's tables."""
    con = _connection(folder)
    for dataset in DATASETS:
        if "{" + dataset + "}" in query:
            con.execute(f"create table if not exists {dataset} as select * from {_scan(folder, dataset)}")
            query = query.replace("{" + dataset + "}", dataset)
    return con.execute(query).fetchall()


def contents(folder: Path) -> dict[str, bytes]:
    """Path below the folder -> bytes of every file."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def _scan(folder: Path, dataset: str) -> str:
    if dataset == "contacts":
        options = "format = 'newline_delimited', convert_strings_to_integers = false"
        return f"read_json('{folder}/crm/contacts.jsonl', {options})"
    delimiter = ";" if dataset == "consents" else ","
    path = f"{folder}/shop/transactions/*.csv" if dataset == "transactions" else f"{folder}/crm/{dataset}.csv"
    options = f"header = true, delim = '{delimiter}', all_varchar = true, quote = '\"', filename = 'delivered_as'"
    return f"read_csv('{path}', {options})"


@lru_cache(maxsize=8)
def _connection(folder: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    attach_package(con)
    return con
