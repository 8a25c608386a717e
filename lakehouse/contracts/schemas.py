"""Schemas derived from contracts: Arrow and Spark DDL. (dbt sources, expectations and predicates are derived in their
rooms.) Arrow is imported at first use: DAGs and the command line read contracts without it."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from lakehouse.contracts.model import Column
from lakehouse.utils.sql_text import identifier

if TYPE_CHECKING:
    import pyarrow as pa

_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")


def arrow_type(column_type: str) -> pa.DataType:
    """Arrow type of a contract type; ValueError for a type no contract may use."""
    import pyarrow as pa

    if match := _DECIMAL.fullmatch(column_type):
        return pa.decimal128(int(match[1]), int(match[2]))
    known = _arrow_types()
    if column_type not in known:
        raise ValueError(f"unknown contract type {column_type!r}; use one of {', '.join(known)} or decimal(p,s)")
    return known[column_type]


def arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    """Arrow schema; every field is nullable on disk, `required` is enforced by the quarantine."""
    import pyarrow as pa

    return pa.schema([pa.field(c.name, arrow_type(c.type)) for c in columns])


def spark_ddl(columns: tuple[Column, ...]) -> str:
    """`"contact_id string, email string, ..."` for createDataFrame and CREATE TABLE."""
    return ", ".join(f"{identifier(c.name)} {c.type}" for c in columns)


@functools.cache
def _arrow_types() -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "string": pa.string(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "array<string>": pa.list_(pa.string()),
    }
