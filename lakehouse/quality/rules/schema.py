"""Columns of a table on disk against its contract, from the Delta log."""

from __future__ import annotations

from lakehouse.contracts import Column
from lakehouse.quality.rules.parameters import silver_columns
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef

_DELTA_NAMES = {"int": "integer", "bigint": "long"}


def schema_differences(table: TableRef, lake: str) -> list[str]:
    """What is missing, of another type, or not in the contract, in words; empty for tables without a contract or not
    yet written."""
    expected, found = silver_columns(table), Table(table, lake).delta
    if expected is None or found is None:
        return []
    present = {field.name: _type_name(field.type) for field in found.schema().fields}
    named = {column.name for column in expected}
    differences = [_difference(column, present) for column in expected] + [
        f"{name} is not in the contract" for name in present if name not in named
    ]
    return [difference for difference in differences if difference]


def _difference(column: Column, present: dict[str, str]) -> str:
    if column.name not in present:
        return f"{column.name} is missing"
    wanted = _DELTA_NAMES.get(column.type, column.type)
    return "" if present[column.name] == wanted else f"{column.name} is {present[column.name]}, not {wanted}"


def _type_name(delta_type: object) -> str:
    """delta-rs's type as the contract would spell it, with Delta's own words for integers."""
    element = getattr(delta_type, "element_type", None)
    return f"array<{_type_name(element)}>" if element is not None else str(getattr(delta_type, "type", delta_type))
