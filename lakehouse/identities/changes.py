"""Which rows of silver.identities changed."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.storage.table import Table

_KEY = ["identifier_type", "identifier"]


def with_update_times(table: Table, resolved: pa.Table, now: datetime) -> tuple[pa.Table, int, int]:
    """Resolved rows with `_updated_at` (as in the table for rows that say the same, `now` for others), how many of
    those others there are, and how many rows of the table are gone."""
    moment = pa.scalar(now, pa.timestamp("us", tz="UTC"))
    known = table.rows()
    if known is None:
        return resolved.append_column("_updated_at", pa.repeat(moment, resolved.num_rows)), resolved.num_rows, 0
    # A row that says the same agrees in every column but the time, so it is found by joining on all of them.
    everything = resolved.column_names
    same = known.select([*everything, "_updated_at"])
    joined = resolved.join(same, keys=everything, join_type="left outer")
    is_changed = pc.is_null(joined["_updated_at"])
    times = pc.if_else(is_changed, moment, joined["_updated_at"])
    rows = (
        joined.drop_columns(["_updated_at"])
        .append_column("_updated_at", times)
        .sort_by([(name, "ascending") for name in _KEY])
    )
    gone = known.select(_KEY).join(resolved.select(_KEY), keys=_KEY, join_type="left anti")
    return rows, int(pc.sum(is_changed).as_py() or 0), gone.num_rows
