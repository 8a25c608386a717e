"""Builds of gold: one at a time writes it, and whose it is now.

Who writes gold holds its lock alone for a build, or shares it with other models of the same build; who reads it as one
state shares it. The lock ends with its holder. What a build was made from is in ops.progress (`newest_inputs`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.compute as pc

from lakehouse.errors import BuildOvertakenError, GoldBusyError, OtherGoldError
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.storage.progress import AS_OF, GOLD_BUILT, GOLD_STARTED, newest_inputs
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, ops
from lakehouse.utils.file_lock import held_lock, held_shared_lock
from lakehouse.window import BatchWindow

_LOCK = "gold.lock"


@contextmanager
def gold_alone(home: Path, wait_seconds: float) -> Iterator[None]:
    """Nobody else writes gold, or begins to read it, inside the block. GoldBusyError when that cannot be had."""
    with held_lock(home / _LOCK, wait_seconds) as is_held:
        if not is_held:
            raise GoldBusyError(wait_seconds)
        yield


@contextmanager
def gold_at_rest(home: Path, wait_seconds: float) -> Iterator[None]:
    """No build begins inside the block; models of the one that is under way may run. GoldBusyError when that cannot be
    had."""
    with held_shared_lock(home / _LOCK, wait_seconds) as is_held:
        if not is_held:
            raise GoldBusyError(wait_seconds)
        yield


def require_own_build(window: BatchWindow, lake: str) -> None:
    """BuildOvertakenError when another run has begun to build gold since this one did."""
    builder = _begun_last_by(lake)
    if builder != window.run_id:
        raise BuildOvertakenError(str(builder))


def require_built_for(window: BatchWindow, snapshot: Snapshot, gated: Collection[TableRef], lake: str) -> None:
    """OtherGoldError unless the snapshot has what a whole build made for this run (`BatchWindow.takes`), and what its
    gates checked.

    Args:
        window: the run that wants to use it.
        snapshot: opened while gold was at rest.
        gated: the tables of it that must have passed their gates.
        lake: root of the lake.
    """
    built_for = whole_build(lake)
    if not window.takes(built_for, datetime.now(UTC)):
        raise OtherGoldError(
            f"the profiles in gold look back from {built_for:%Y-%m-%d %H:%M:%S} UTC, this run from"
            f" {window.as_of:%Y-%m-%d %H:%M:%S} UTC"
        )
    passed = _versions_that_passed(gated, lake)
    changed = [str(table) for table in gated if passed.get(table) != snapshot.versions.get(table)]
    if changed:
        raise OtherGoldError(f"{' and '.join(changed)} changed after the gate")


def whole_build(lake: str) -> datetime:
    """The moment that gold looks back from; OtherGoldError when it was never built, or a build has not ended."""
    (built_at, inputs), (started_at, _) = newest_inputs(GOLD_BUILT, lake), newest_inputs(GOLD_STARTED, lake)
    if AS_OF not in inputs:
        raise OtherGoldError("gold was never built")
    if built_at < started_at:
        raise OtherGoldError("a build of gold has begun and not ended")
    return datetime.fromtimestamp(inputs[AS_OF], UTC)


def as_built(window: BatchWindow, lake: str) -> BatchWindow:
    """The window with the as-of moment of gold as it is, where the run takes that (`BatchWindow.takes`); else as it
    is."""
    built_for = newest_inputs(GOLD_BUILT, lake)[1].get(AS_OF)
    found = window.as_of if built_for is None else datetime.fromtimestamp(built_for, UTC)
    return replace(window, as_of=found) if window.takes(found, datetime.now(UTC)) else window


def built_window(name: str, lake: str) -> BatchWindow:
    """A window of a run by hand, `<name>.<now>`, for the as-of moment that gold was built for; OtherGoldError as
    `whole_build` says."""
    as_of, now = whole_build(lake), datetime.now(UTC)
    return BatchWindow(as_of, as_of, f"{name}.{now:%Y-%m-%dT%H:%M:%S.%fZ}", as_of)


def _begun_last_by(lake: str) -> str | None:
    """The run that began the newest build; None when there was none."""
    rows = Table(ops("progress"), lake).rows(["run_id", "recorded_at"], [("stage", "=", GOLD_STARTED)])
    if rows is None or not rows.num_rows:
        return None
    newest = rows.filter(pc.equal(rows["recorded_at"], pc.max(rows["recorded_at"])))
    return str(newest["run_id"][0].as_py())


def _versions_that_passed(tables: Collection[TableRef], lake: str) -> dict[TableRef, int]:
    """Table -> its version when its gate passed last."""
    names = {str(table): table for table in tables}
    columns = ["stage", "input_table", "input_version", "recorded_at"]
    rows = Table(ops("progress"), lake).rows(columns, [("input_table", "in", list(names))])
    found = [] if rows is None else rows.to_pylist()
    return {
        names[row["input_table"]]: row["input_version"]
        for row in sorted(found, key=lambda row: row["recorded_at"])
        if row["stage"].startswith(f"gate {row['input_table']} ")
    }
