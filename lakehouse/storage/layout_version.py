"""Which layout the tables of a lake have: a number that is written when a lake is made, and when all of it was rebuilt.

Increments build on what an earlier version of this project left. Where that was named or made otherwise, one full
rebuild must come first. Kept in ops.progress, like everything else about how far the lake is.
"""

from __future__ import annotations

import functools
import logging
from datetime import UTC, datetime

from deltalake import write_deltalake

from lakehouse.contracts import FORMER_COLUMNS
from lakehouse.errors import OldLakeError
from lakehouse.storage.commit_retry import retry_commit
from lakehouse.storage.discovery import existing_tables
from lakehouse.storage.ops_tables import record
from lakehouse.storage.progress import newest_inputs
from lakehouse.storage.table import Table
from lakehouse.tables import Layer, TableRef, ops
from lakehouse.window import BatchWindow

# One more whenever silver or gold tables that normal runs build on are added, renamed, or hold something else than
# before.
# 2: gold.int_changed_lines_cache was gold.int_lines_kept_aside; count_* in ops.runs and in ops.quality_results were
#    rows_*.
#    Loyalty ids and ids written as floats in one form; silver.identities has other columns.
#    silver.mail_holds and changed_until of silver.consents are new.
# 3: silver tables have _row_number, and the order of arrival decides between versions of one time.
#    amounts of silver.transactions have six decimals; gold.fct_orders has a row per currency and guests.
# 4: silver.identities has files of its own for each type of identifier, and no first_referred_at.
LAYOUT = 4
log = logging.getLogger(__name__)
_STAGE = "layout"


def check_layout(lake: str) -> None:
    """Pass for a lake of today's layout, and for one without tables. Else OldLakeError."""
    if _layout(lake) >= LAYOUT or not _has_tables(lake):
        return
    found = _layout(lake)  # again: another process may have made the lake meanwhile
    if found < LAYOUT:
        raise OldLakeError(lake, found, LAYOUT)


def prepare_layout(window: BatchWindow, lake: str) -> None:
    """Before any work on the lake: give a new one its number; OldLakeError for an old one, unless it is being
    rebuilt."""
    rename_former_columns(lake)
    if _layout(lake) >= LAYOUT:
        return
    if not _has_tables(lake):
        record_layout(window.run_id, lake)
    elif not window.is_full:
        check_layout(lake)


def record_layout(run_id: str, lake: str) -> None:
    """Note that every table of the lake has today's layout."""
    row = {
        "stage": _STAGE,
        "input_table": _STAGE,
        "input_version": LAYOUT,
        "run_id": run_id,
        "recorded_at": datetime.now(UTC),
    }
    record("progress", [row], lake)


@functools.cache
def rename_former_columns(lake: str) -> None:
    """Give columns of ops tables that an earlier layout named otherwise the names of today, keeping all rows.

    Not left to a rebuild: what happened is recorded in any case, also that the lake is an old one. Done once per
    process and lake; repeating it changes nothing.
    """
    for name, renamed in FORMER_COLUMNS.items():
        retry_commit(ops(name), functools.partial(_rename_columns, ops(name), renamed, lake))


def _rename_columns(table: TableRef, renamed: dict[str, str], lake: str) -> None:
    found = Table(table, lake).delta
    if found is None or renamed.keys().isdisjoint(field.name for field in found.schema().fields):
        return
    rows = found.to_pyarrow_table()
    names = [renamed.get(name, name) for name in rows.column_names]
    write_deltalake(found, rows.rename_columns(names), mode="overwrite", schema_mode="overwrite")
    log.info("%s: renamed columns %s", table, ", ".join(sorted(renamed)))


def _layout(lake: str) -> int:
    """0 for a lake without a number."""
    return newest_inputs(_STAGE, lake)[1].get(_STAGE, 0)


def _has_tables(lake: str) -> bool:
    """Whether there is silver or gold: what was recorded (ops) or only delivered (bronze) is the same in every
    layout."""
    return any(table.layer in (Layer.SILVER, Layer.GOLD) for table in existing_tables(lake))
