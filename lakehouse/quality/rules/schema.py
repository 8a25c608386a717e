"""Columns of a table on disk against its contract, from the Delta log."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.contracts import Column
from lakehouse.quality.rules.parameters import silver_columns
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef

_DELTA_NAMES = {"int": "integer", "bigint": "long"}


@dataclass(frozen=True)
class SchemaComparison:
    """`differences` in words, and how many columns were compared: those of the contract and those on disk."""

    differences: tuple[str, ...] = ()
    count_columns: int = 0


def compare_schema(table: TableRef, lake: str) -> SchemaComparison:
    """What is missing, of another type, or not in the contract; nothing for a table without a contract or not yet
    written."""
    expected, found = silver_columns(table), Table(table, lake).delta
    if expected is None or found is None:
        return SchemaComparison()
    present = {field.name: _type_name(field.type) for field in found.schema().fields}
    unknown = sorted(present.keys() - {column.name for column in expected})
    differences = [_difference(column, present) for column in expected]
    differences += [f"{name} is not in the contract" for name in unknown]
    return SchemaComparison(tuple(filter(None, differences)), len(expected) + len(unknown))


def _difference(column: Column, present: dict[str, str]) -> str:
    if column.name not in present:
        return f"{column.name} is missing"
    wanted = _DELTA_NAMES.get(column.type, column.type)
    return "" if present[column.name] == wanted else f"{column.name} is {present[column.name]}, not {wanted}"


def _type_name(delta_type: object) -> str:
    """delta-rs's type as the contract would spell it, with Delta's own words for integers."""
    element = getattr(delta_type, "element_type", None)
    return f"array<{_type_name(element)}>" if element is not None else str(getattr(delta_type, "type", delta_type))
