"""Up to which version of its inputs a stage has worked (ops.progress); read and written without an engine."""

from __future__ import annotations

from datetime import UTC, datetime

from lakehouse.delta.records import record
from lakehouse.delta.storage import open_table
from lakehouse.tables import TableRef, ops


def worked_up_to(stage: TableRef, input_table: TableRef, lake: str) -> int:
    """Newest version of the input that the stage has worked on; -1 for none."""
    progress = open_table(ops("progress"), lake)
    if progress is None:
        return -1
    # The filter skips files by the log's statistics: the cost is the stage's own history, not everybody's.
    chosen = [("stage", "=", str(stage)), ("input_table", "=", str(input_table))]
    rows = progress.to_pyarrow_table(columns=["input_version", "recorded_at"], filters=chosen).to_pylist()
    return int(max(rows, key=lambda row: row["recorded_at"])["input_version"]) if rows else -1


def has_progress(stage: TableRef, lake: str) -> bool:
    """Whether the stage has ever finished work on any input."""
    progress = open_table(ops("progress"), lake)
    return progress is not None and progress.to_pyarrow_table(columns=["stage"], filters=[("stage", "=", str(stage))]).num_rows > 0


def record_progress(stage: TableRef, versions: dict[TableRef, int], run_id: str, lake: str) -> None:
    """Note that the stage has worked on its inputs up to and including these versions; do so after its writes."""
    now = datetime.now(UTC)
    common = {"stage": str(stage), "run_id": run_id, "recorded_at": now}
    record("progress", [common | {"input_table": str(table), "input_version": version} for table, version in versions.items()], lake)
