"""The rows of an ops table that can be had again: from its own data files, and from where else the same is written."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from lakehouse.activation.records.sent_exports import attempt_rows, exports_rows, record_rows, sent_exports
from lakehouse.config.settings import settings
from lakehouse.contracts import OPS_TABLES, arrow_schema
from lakehouse.contracts.origins import origin_of
from lakehouse.errors import DamagedTableError
from lakehouse.identities.issued_before import missing_assignments
from lakehouse.storage.salvage import salvaged_rows
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, ops, silver

_NAMED = 3


def ops_rows(table: TableRef, lake: str) -> tuple[pa.Table, tuple[str, ...]]:
    """All rows of the table that can be had, and what is lost; nothing is, when all data files can be read."""
    contract = OPS_TABLES[table.name]
    found = salvaged_rows(table, contract, lake)
    lost: tuple[str, ...] = tuple(filter(None, [origin_of(table).lost])) if not found.is_complete else ()
    more: list[dict[str, Any]] = []
    match table.name:
        case "exports":
            known = set(found.rows["export_id"].to_pylist())
            more = [row for row in exports_rows(settings().outbox) if row["export_id"] not in known]
        case "export_records":
            more, unknown = record_rows(sent_exports(settings().outbox), found.rows.to_pylist())
            lost = _unknown_exports(unknown)
        case "export_attempts":
            known_pairs = _pairs(found.rows) | _pairs(_readable(ops("export_records"), lake))
            more = attempt_rows(sent_exports(settings().outbox), known_pairs)
        case "customer_ids":
            identities = _readable(silver("identities"), lake)
            if identities is not None:
                more = missing_assignments(found.rows, identities)
            elif not found.is_complete:
                lost = ("the ids of people: silver.identities cannot be read either, so people get other ids", *lost)
    schema = arrow_schema(contract.columns)
    return pa.concat_tables([found.rows, pa.Table.from_pylist(more, schema=schema)]), lost


def _unknown_exports(unknown: list[str]) -> tuple[str, ...]:
    if not unknown:
        return ()
    return (
        f"whom {len(unknown)} exports reached that did not succeed, and whose batches are gone:"
        f" {', '.join(unknown[:_NAMED])}{' ...' if len(unknown) > _NAMED else ''}. The next export sends what differs"
        " from the exports before them, and does not remove whom they added",
    )


def _readable(table: TableRef, lake: str) -> pa.Table | None:
    """Rows of a table; None when it is not there or damaged."""
    try:
        return Table(table, lake).rows()
    except (DamagedTableError, OSError, pa.ArrowException):
        return None


def _pairs(rows: pa.Table | None) -> set[tuple[str, str]]:
    if rows is None:
        return set()
    return set(zip(rows["export_id"].to_pylist(), rows["customer_id"].to_pylist(), strict=True))
