"""What earlier runs read and earlier gates saw, from the ops tables, without an engine."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from lakehouse.contracts import Stage
from lakehouse.quality.verdicts import QUALITY_RESULTS
from lakehouse.storage.accepted_losses import is_loss_accepted
from lakehouse.storage.progress import GOLD_STARTED, newest_inputs
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, ops, silver

_RUNS_COMPARED = 10
_RUNS_NEEDED = 3


@dataclass(frozen=True)
class History:
    """`previous_rows`: rows at the last passed gate of an earlier run, unless a loss was accepted since; `rows_read`:
    rows this run read for the table; `usual_rows_read`: median of the last ten earlier runs that read any. Each None
    when not known."""

    previous_rows: float | None = None
    rows_read: float | None = None
    usual_rows_read: float | None = None


def history_of(table: TableRef, run_id: str, lake: str, kept_rule: str) -> History:
    """The history of a table before the gate of this run; `kept_rule`: id of the rule that counts what must be kept."""
    reads = _reads(table, lake)
    of_run = [row["count_read"] for row in reads if row["run_id"] == run_id]
    earlier = [row["count_read"] for row in reads if row["run_id"] != run_id and row["count_read"] > 0][
        -_RUNS_COMPARED:
    ]
    return History(
        previous_rows=_rows_at_last_passed_gate(table, run_id, lake, kept_rule),
        # A stage that found no work says nothing about volume: that is what freshness is for.
        rows_read=float(of_run[-1]) if of_run and of_run[-1] > 0 else None,
        usual_rows_read=float(median(earlier)) if len(earlier) >= _RUNS_NEEDED else None,
    )


def is_silver_at_rest(lake: str) -> bool:
    """Whether silver still is what the last build of gold started from: only then must the sums of the two agree."""
    _, inputs = newest_inputs(GOLD_STARTED, lake)
    versions = {str(table): Table(table, lake).version for table in (silver("transactions"), silver("identities"))}
    return all(inputs.get(table, version) == version for table, version in versions.items())


def _reads(table: TableRef, lake: str) -> list[dict[str, Any]]:
    """Finished stages that wrote the table (gates do not), oldest first."""
    runs = Table(ops("runs"), lake).delta
    if runs is None:
        return []
    filters = [("table_name", "=", str(table)), ("stage", "!=", Stage.GATE.value), ("status", "!=", "failed")]
    rows = runs.to_pyarrow_table(columns=["run_id", "count_read", "started_at"], filters=filters).to_pylist()
    return sorted(rows, key=lambda row: row["started_at"])


def _rows_at_last_passed_gate(table: TableRef, run_id: str, lake: str, kept_rule: str) -> float | None:
    results = Table(QUALITY_RESULTS, lake).delta
    if results is None:
        return None
    columns = ["run_id", "rule_id", "severity", "is_passed", "count_checked", "checked_at"]
    rows = results.to_pyarrow_table(columns=columns, filters=[("table_name", "=", str(table))]).to_pylist()
    blocked = {row["checked_at"] for row in rows if row["severity"] == "blocking" and not row["is_passed"]}
    sizes = [
        row
        for row in rows
        if row["rule_id"] == kept_rule and row["run_id"] != run_id and row["checked_at"] not in blocked
    ]
    if not sizes:
        return None
    newest = max(sizes, key=lambda row: row["checked_at"])
    return None if is_loss_accepted(table, newest["checked_at"], lake) else float(newest["count_checked"])
