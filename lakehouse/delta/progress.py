"""Up to which version of its inputs a stage has worked (ops.progress); read and written without an engine."""

from __future__ import annotations

from datetime import UTC, datetime

from lakehouse.delta.records import record
from lakehouse.delta.storage import open_table
from lakehouse.tables import TableRef, ops


def versions_worked_on(stage: TableRef, lake: str) -> dict[TableRef, int]:
    """Input -> its newest version that the stage has worked on; inputs it never worked on are absent."""
    progress = open_table(ops("progress"), lake)
    if progress is None:
        return {}
    # The filter skips files by the log's statistics: the cost is the stage's own history, not everybody's.
    columns = ["input_table", "input_version", "recorded_at"]
    rows = progress.to_pyarrow_table(columns=columns, filters=[("stage", "=", str(stage))]).to_pylist()
    return {TableRef.parse(row["input_table"]): int(row["input_version"]) for row in sorted(rows, key=lambda row: row["recorded_at"])}


def worked_up_to(stage: TableRef, input_table: TableRef, lake: str) -> int:
    """Newest version of the input that the stage has worked on; -1 for none."""
    return versions_worked_on(stage, lake).get(input_table, -1)


def has_progress(stage: TableRef, lake: str) -> bool:
    """Whether the stage has ever finished work on any input."""
    return bool(versions_worked_on(stage, lake))


def record_progress(stage: TableRef, versions: dict[TableRef, int], run_id: str, lake: str) -> None:
    """Note that the stage has worked on its inputs up to and including these versions; do so after its writes."""
    now = datetime.now(UTC)
    common = {"stage": str(stage), "run_id": run_id, "recorded_at": now}
    record("progress", [common | {"input_table": str(table), "input_version": version} for table, version in versions.items()], lake)
