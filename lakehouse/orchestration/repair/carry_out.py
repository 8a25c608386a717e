"""Carrying out the plan of a repair: set aside, write what is known, have the stages make the rest."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake

from lakehouse.config.settings import settings
from lakehouse.engine import control as engine
from lakehouse.errors import TerminalError
from lakehouse.gold.staleness import forget_build
from lakehouse.orchestration.airflow_config import airflow_home
from lakehouse.orchestration.repair.plan import Plan
from lakehouse.orchestration.server.state import is_up
from lakehouse.orchestration.stages import run_stage
from lakehouse.outcome import TableOutcome
from lakehouse.storage.discovery import delta_uri, local_folder
from lakehouse.storage.ops_tables import record
from lakehouse.storage.progress import forget_versions
from lakehouse.storage.salvage import ASIDE, set_aside
from lakehouse.tables import Layer, TableRef, ops
from lakehouse.utils.file_lock import held_lock
from lakehouse.utils.work_record import recorded_work, work_in
from lakehouse.window import BatchWindow

_PROGRESS = ops("progress")


@dataclass(frozen=True)
class Repaired:
    """Where damaged tables were moved to, and what the stages did that made tables again."""

    set_aside: tuple[str, ...]
    outcomes: tuple[TableOutcome, ...]


def repair(plan: Plan) -> Repaired:
    """Carry out a plan that is not blocked. After a kill, repair again, or let the next run make the table.

    Raises:
        TerminalError: something else is at work in this home; nothing was changed.
        LakehouseError: what a stage raises; the table is set aside then, and the next run makes it.
    """
    lake = settings().lake
    with _alone(plan.table):
        engine.stop()  # it keeps what it knows of a table by its location, and must not know the old one
        now = datetime.now(UTC)
        window = BatchWindow.of(now, now, f"repair.{now:%Y-%m-%dT%H:%M:%S.%fZ}")
        for table in plan.set_aside:
            if table != _PROGRESS:
                forget_versions(table, window.run_id, lake)
        if any(table.layer in (Layer.SILVER, Layer.GOLD) for table in plan.set_aside):
            forget_build(window)
        moved = [_replace(table, plan.rows.get(table), lake) for table in plan.set_aside]
        record("repairs", [_row(plan, table, where) for table, where in zip(plan.set_aside, moved, strict=True)], lake)
        done = [run_stage(work.stage, work.target, replace(window, is_full=work.is_full)) for work in plan.work]
        return Repaired(tuple(filter(None, moved)), tuple(outcome for outcomes in done for outcome in outcomes))


@contextmanager
def _alone(table: TableRef) -> Iterator[None]:
    """Nothing else works in this home inside the block."""
    with held_lock(airflow_home() / "run.lock", wait_seconds=0) as is_mine:
        if not is_mine or is_up() or work_in(settings().work):
            raise TerminalError(
                f"something is at work in {settings().home}, and {table} cannot be repaired beside it",
                "Wait for it, and stop Airflow and the engine with `lakehouse down`; then repair again.",
            )
        with recorded_work(settings().work, f"`lakehouse repair {table}`"):
            yield


def _replace(table: TableRef, rows: pa.Table | None, lake: str) -> str:
    """Set a table aside, and put a new one with these rows in its place; returns where the old one is."""
    if rows is None:
        return set_aside(table, lake)
    fresh, target = local_folder(lake) / ASIDE / f"new-{table}", Path(delta_uri(table, lake))
    shutil.rmtree(fresh, ignore_errors=True)  # of a repair that was killed
    write_deltalake(str(fresh), rows)
    moved = set_aside(table, lake)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(fresh, target)
    return moved


def _row(plan: Plan, table: TableRef, moved: str) -> dict[str, object]:
    return {
        "table_name": str(table),
        "damage": plan.damage if table == plan.table else "made again with it",
        "lost": "; ".join(plan.lost) if table == plan.table else "",
        "set_aside_at": moved,
        "repaired_by": getpass.getuser(),
        "repaired_at": datetime.now(UTC),
    }
