"""Up to which version of its inputs a stage has worked (ops.progress); read and written without an engine."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow.compute as pc

from lakehouse.storage.ops_tables import record
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, ops

# Under these stages a build of gold notes what it was made from: when it is done, and when it begins.
# lakehouse/gold/staleness.py writes them; exports read them too.
GOLD_BUILT = "gold"
GOLD_STARTED = "gold.started"
# Among the inputs of a build: the as-of moment, in seconds since 1970.
AS_OF = "as_of"


def newest_inputs(stage: str, lake: str, run_id: str | None = None) -> tuple[datetime, dict[str, int]]:
    """When inputs were last recorded together for the stage (by that run), and the version of each; the beginning of
    time and nothing when never."""
    never: tuple[datetime, dict[str, int]] = (datetime.min.replace(tzinfo=UTC), {})
    progress = Table(ops("progress"), lake).delta
    if progress is None:
        return never
    wanted = [("stage", "=", stage)] + ([("run_id", "=", run_id)] if run_id else [])
    rows = progress.to_pyarrow_table(filters=wanted, columns=["input_table", "input_version", "recorded_at"])
    if not rows.num_rows:
        return never
    recorded_at = pc.max(rows["recorded_at"])
    newest = rows.filter(pc.equal(rows["recorded_at"], recorded_at))
    return recorded_at.as_py(), dict(
        zip(newest["input_table"].to_pylist(), newest["input_version"].to_pylist(), strict=True)
    )


def versions_worked_on(stage: TableRef, lake: str) -> dict[TableRef, int]:
    """Input -> its newest version that the stage has worked on; inputs it never worked on are absent."""
    progress = Table(ops("progress"), lake).delta
    if progress is None:
        return {}
    # The filter skips files by the log's statistics: the cost is the stage's own history, not everybody's.
    columns = ["input_table", "input_version", "recorded_at"]
    rows = progress.to_pyarrow_table(columns=columns, filters=[("stage", "=", str(stage))]).to_pylist()
    return {
        TableRef.parse(row["input_table"]): int(row["input_version"])
        for row in sorted(rows, key=lambda row: row["recorded_at"])
    }


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
    record(
        "progress",
        [common | {"input_table": str(table), "input_version": version} for table, version in versions.items()],
        lake,
    )


def forget_versions(table: TableRef, run_id: str, lake: str) -> None:
    """Have every stage that has read the table read all of it again, and the stage that makes it read all its inputs:
    the table is about to be another one, whose versions count from 0."""
    either = [[("input_table", "=", str(table))], [("stage", "=", str(table))]]
    rows = Table(ops("progress"), lake).rows(["stage", "input_table"], either)
    pairs = {(row["stage"], row["input_table"]) for row in rows.to_pylist()} if rows is not None else set()
    common = {"input_version": -1, "run_id": run_id, "recorded_at": datetime.now(UTC)}
    record("progress", [common | {"stage": stage, "input_table": name} for stage, name in sorted(pairs)], lake)
