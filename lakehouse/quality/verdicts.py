"""What the gates found last, read from ops.quality_results without an engine: a build of gold reads them first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from lakehouse.storage.table import Table
from lakehouse.tables import ops

QUALITY_RESULTS = ops("quality_results")


@dataclass(frozen=True)
class GateState:
    """The newest verdict on one table: `failures` blocked it, `warnings` did not; each is (rule_id, count_failed).
    `said` has the failures in words."""

    table: str
    run_id: str
    checked_at: datetime
    count_rules: int
    failures: tuple[tuple[str, int], ...]
    warnings: tuple[tuple[str, int], ...]
    said: tuple[str, ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Whether a blocking rule is broken."""
        return bool(self.failures)


def latest_gates(lake: str) -> dict[str, GateState]:
    """Table name (`"silver.contacts"`) -> its newest verdict; empty when no gate ever ran."""
    results = Table(QUALITY_RESULTS, lake).delta
    if results is None:
        return {}
    columns = ["run_id", "table_name", "rule_id", "severity", "is_passed", "count_failed", "checked_at"]
    columns += ["observed", "expected"]
    rows = results.to_pyarrow_table(columns=columns)
    newest = {
        row["table_name"]: row["checked_at_max"]
        for row in rows.group_by("table_name").aggregate([("checked_at", "max")]).to_pylist()
    }
    found: dict[str, GateState] = {}
    for table, checked_at in newest.items():
        of_gate = pc.and_(pc.equal(rows["table_name"], table), pc.equal(rows["checked_at"], checked_at))
        found[table] = _state(table, rows.filter(of_gate).to_pylist())
    return found


def _state(table: str, results: list[dict[str, Any]]) -> GateState:
    broken = sorted((r for r in results if not r["is_passed"]), key=lambda r: str(r["rule_id"]))

    def of(severity: str) -> tuple[tuple[str, int], ...]:
        return tuple((r["rule_id"], int(r["count_failed"] or 0)) for r in broken if r["severity"] == severity)

    first = results[0]
    said = tuple(
        f"{r['rule_id']}: {r['observed']} (expected: {r['expected']})" for r in broken if r["severity"] == "blocking"
    )
    return GateState(table, first["run_id"], first["checked_at"], len(results), of("blocking"), of("warning"), said)
