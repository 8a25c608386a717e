"""Whether gold is what a build would make now: same silver versions, same as-of time, same dbt project as the last good build.

Kept in ops.progress: the last build's inputs, one row each, under the stage `gold`.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pyarrow.compute as pc

from lakehouse.contracts import DATASETS
from lakehouse.delta.records import record
from lakehouse.delta.storage import open_table
from lakehouse.listing import newest_version
from lakehouse.parsed_project import project_fingerprint
from lakehouse.settings import settings
from lakehouse.tables import TableRef, gold, ops, silver
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)
STAGE = "gold"
SILVER_TABLES: tuple[TableRef, ...] = (*(silver(name) for name in DATASETS), silver("identities"))


def gold_inputs(window: BatchWindow) -> dict[str, int]:
    """Everything a build depends on, as numbers: Delta versions (-1 = no such table), the as-of second, the project's hash."""
    lake = settings().lake
    versions = {str(table): -1 if (found := newest_version(table, lake)) is None else found for table in SILVER_TABLES}
    return versions | {"as_of": int(window.as_of.timestamp()), "dbt_project": int(project_fingerprint()[:15], 16)}


def is_gold_current(window: BatchWindow) -> bool:
    """True when a build would change nothing. A full rebuild that was asked for is never skipped."""
    if window.is_full or newest_version(gold("dim_customers"), settings().lake) is None:
        return False
    built, now = _newest(STAGE), gold_inputs(window)
    changed = sorted(name for name, value in now.items() if built.get(name) != value)
    log.info("gold is up to date" if not changed else f"gold must be built; changed since the last build: {', '.join(changed)}")
    return not changed


def record_gold_started(window: BatchWindow) -> None:
    """Note what a build is about to read; silver may move on while it runs."""
    _record(f"{STAGE}.started", window, gold_inputs(window))


def record_gold_built(window: BatchWindow) -> None:
    """Remember that the build which `window.run_id` started has finished, with the inputs it started from."""
    _record(STAGE, window, _newest(f"{STAGE}.started", window.run_id))


def _record(stage: str, window: BatchWindow, inputs: dict[str, int]) -> None:
    now = datetime.now(UTC)
    rows = [{"stage": stage, "input_table": name, "input_version": value, "run_id": window.run_id, "recorded_at": now} for name, value in inputs.items()]
    record("progress", rows, settings().lake)


def _newest(stage: str, run_id: str | None = None) -> dict[str, int]:
    progress = open_table(ops("progress"), settings().lake)
    if progress is None:
        return {}
    wanted = [("stage", "=", stage)] + ([("run_id", "=", run_id)] if run_id else [])
    rows = progress.to_pyarrow_table(filters=wanted, columns=["input_table", "input_version", "recorded_at"])
    if not rows.num_rows:
        return {}
    newest = rows.filter(pc.equal(rows["recorded_at"], pc.max(rows["recorded_at"])))
    return dict(zip(newest["input_table"].to_pylist(), newest["input_version"].to_pylist(), strict=True))
