"""What gates found, in ops.quality_results: once per run, table and rule, also when a gate runs again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import write_deltalake

from lakehouse.contracts import OPS_TABLES, arrow_schema
from lakehouse.quality.rules.rule import Gate, Measurement
from lakehouse.quality.verdicts import QUALITY_RESULTS
from lakehouse.storage.commit_retry import retry_commit
from lakehouse.storage.discovery import delta_uri
from lakehouse.storage.ops_tables import record
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, ops
from lakehouse.utils.sql_text import standard_literal

Finding = dict[str, Any]


def findings(gate: Gate, measurements: list[Measurement], verdicts: dict[str, bool], run_id: str) -> list[Finding]:
    """Rows for ops.quality_results. KeyError when a rule has no verdict."""
    now = datetime.now(UTC)
    return [
        {
            "run_id": run_id,
            "table_name": str(gate.table),
            "rule_id": found.rule.id,
            "severity": str(found.rule.severity),
            "is_passed": verdicts[found.rule.id],
            "count_checked": found.rows_checked,
            "count_failed": found.rows_failed,
            "observed": found.observed,
            "expected": found.rule.expected,
            "checked_at": now,
        }
        for found in measurements
    ]


def record_findings(rows: list[Finding], lake: str) -> None:
    """Record one gate of one run; what the same run found on the table before is replaced in the same commit."""
    run_id, table = rows[0]["run_id"], rows[0]["table_name"]
    if not _of_run(run_id, table, lake):
        record("quality_results", rows, lake)
        return
    columns = OPS_TABLES["quality_results"].columns
    chosen = f"run_id = {standard_literal(run_id)} and table_name = {standard_literal(table)}"
    batch = pa.Table.from_pylist(rows, schema=arrow_schema(columns))
    retry_commit(
        QUALITY_RESULTS,
        lambda: write_deltalake(delta_uri(QUALITY_RESULTS, lake), batch, mode="overwrite", predicate=chosen),
    )


def latest_findings(table: TableRef, lake: str) -> list[Finding]:
    """Rows of the newest gate of a table, of whatever run; empty when there was none."""
    results = Table(QUALITY_RESULTS, lake).delta
    if results is None:
        return []
    return _newest(results.to_pyarrow_table(filters=[("table_name", "=", str(table))]), "checked_at")


def passed_versions(gate: Gate, lake: str) -> dict[str, int]:
    """Table -> version, of all tables that the gate read when it last passed with these very rules; empty when it never
    did."""
    progress = Table(ops("progress"), lake).delta
    if progress is None:
        return {}
    passed = progress.to_pyarrow_table(
        columns=["input_table", "input_version", "recorded_at"], filters=[("stage", "=", _stage(gate))]
    )
    return {row["input_table"]: row["input_version"] for row in _newest(passed, "recorded_at")}


def record_passed(gate: Gate, versions: dict[str, int], run_id: str, lake: str) -> None:
    """Note the versions of all tables that the gate read when it passed."""
    common = {"stage": _stage(gate), "run_id": run_id, "recorded_at": datetime.now(UTC)}
    record(
        "progress",
        [common | {"input_table": table, "input_version": version} for table, version in versions.items()],
        lake,
    )


def _stage(gate: Gate) -> str:
    """Other rules are another stage: a table that passed the old ones is looked at again."""
    return f"gate {gate.table} {gate.fingerprint}"


def _newest(rows: pa.Table, moment: str) -> list[dict[str, Any]]:
    """Rows of the newest moment. Chosen by Arrow: of what years of runs left, only these become Python."""
    newest: list[dict[str, Any]] = rows.filter(pc.equal(rows[moment], pc.max(rows[moment]))).to_pylist()
    return newest


def _of_run(run_id: str, table: str, lake: str) -> bool:
    results = Table(QUALITY_RESULTS, lake).delta
    if results is None:
        return False
    return bool(
        results.to_pyarrow_table(
            columns=["rule_id"], filters=[("run_id", "=", run_id), ("table_name", "=", table)]
        ).num_rows
    )
