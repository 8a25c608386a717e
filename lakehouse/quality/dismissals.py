"""Decisions not to repair rejected rows, kept in ops.quarantine_dismissals with who took them, when and why."""

# ruff: noqa: S608 - the SQL is made of our own declarations, never of what somebody typed.
from __future__ import annotations

import getpass
from datetime import UTC, datetime

from lakehouse.contracts import DATASETS
from lakehouse.errors import ContractError
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.storage.ops_tables import record
from lakehouse.tables import ops, quarantine

DISMISSALS = ops("quarantine_dismissals")


def dismiss(lake: str, dataset: str, reason: str, rule: str | None = None, row: str | None = None) -> int:
    """Dismiss the rejected rows that broke `rule`, or the one row `FILE:NUMBER`; those dismissed before are left alone.

    Returns:
        How many rows were dismissed now.

    Raises:
        ContractError: the dataset is unknown, the reason empty, or no row in quarantine is meant.
    """
    if dataset not in DATASETS:
        raise ContractError(dataset, "unknown dataset", f"Use one of {', '.join(DATASETS)}.")
    if not reason.strip():
        raise ContractError(dataset, "the reason is empty", "Say why the rows need no repair.")
    file, _, number = (row or "").rpartition(":")
    table = quarantine(dataset)
    with open_snapshot([], lake, optional=[table, DISMISSALS]) as snapshot:
        rows: list[tuple[str, int]] = []
        if table in snapshot.versions:
            query = (
                f"select distinct _source_file, _row_number from {table}"
                " where list_contains(rule_ids, $rule)"
                " or (_source_file = $file and _row_number = try_cast($number as bigint))"
            )
            named = {"rule": rule or "", "file": file, "number": number}
            rows = snapshot.connection.execute(query, named).fetchall()
        if not rows:
            raise ContractError(
                dataset,
                f"no row in quarantine is {row or f'rejected by {rule}'}",
                f"See `lakehouse quarantine show {dataset}`.",
            )
        known: set[tuple[str, int]] = set()
        if DISMISSALS in snapshot.versions:
            before = f"select source_file, row_number from {DISMISSALS} where dataset = ?"
            known = set(snapshot.connection.execute(before, [dataset]).fetchall())
    common = {
        "dataset": dataset,
        "reason": reason.strip(),
        "dismissed_by": getpass.getuser(),
        "dismissed_at": datetime.now(UTC),
    }
    new = [pair for pair in rows if pair not in known]
    record(
        "quarantine_dismissals", [common | {"source_file": file, "row_number": number} for file, number in new], lake
    )
    return len(new)
