"""Which rows of silver.identities a resolution changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

_KEY = ["identifier_type", "identifier"]
_FORMER = "former_customer_ids"


@dataclass(frozen=True)
class RowsToWrite:
    """`changed`: rows that are new or say something else, with their `_updated_at`; `unchanged`: the others, with the
    time they had; `gone`: keys of rows that are no more."""

    changed: pa.Table
    unchanged: pa.Table
    gone: pa.Table

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return self.changed.num_rows + self.gone.num_rows == 0

    @property
    def types(self) -> list[str]:
        """Types of identifiers of which rows change."""
        return sorted(set(self.changed["identifier_type"].to_pylist()) | set(self.gone["identifier_type"].to_pylist()))

    def applied_to(self, known: pa.Table) -> pa.Table:
        """`known` rows after the changes."""
        replaced = pa.concat_tables([self.changed.select(_KEY), self.gone])
        is_replaced = pc.is_in(_joined(known), value_set=_joined(replaced))
        kept = known.filter(pc.invert(is_replaced)).select(self.changed.column_names).cast(self.changed.schema)
        return pa.concat_tables([kept, self.changed])


def compare(known: pa.Table | None, resolved: pa.Table, now: datetime) -> RowsToWrite:
    """Compare rows as resolved with all the known ones they replace."""
    moment = pa.scalar(now, pa.timestamp("us", tz="UTC"))
    if known is None:
        changed = resolved.append_column("_updated_at", pa.repeat(moment, resolved.num_rows))
        return RowsToWrite(changed, changed.slice(0, 0), resolved.select(_KEY).slice(0, 0))
    # A row that says the same agrees in every column but the time, so it is found by joining on all of them.
    numbered = _flat(resolved).append_column("_number", pa.array(range(resolved.num_rows), pa.int64()))
    everything = [name for name in numbered.column_names if name != "_number"]
    before = _flat(known.select([*resolved.column_names, "_updated_at"]))
    joined = numbered.join(before, keys=everything, join_type="left outer").sort_by("_number")
    is_same = pc.is_valid(joined["_updated_at"])
    times = pc.if_else(is_same, joined["_updated_at"], moment)
    rows = resolved.append_column("_updated_at", times)
    gone = known.select(_KEY).join(resolved.select(_KEY), keys=_KEY, join_type="left anti")
    return RowsToWrite(rows.filter(pc.invert(is_same)), rows.filter(is_same), gone)


def _joined(rows: pa.Table) -> pa.Array:
    """The keys as one text each; no type of identifier has a colon."""
    return pc.binary_join_element_wise(*(rows[name] for name in _KEY), ":").combine_chunks()


def _flat(rows: pa.Table) -> pa.Table:
    """Rows with values that can be compared: no null (which equals nothing), no list."""
    for name in rows.column_names:
        column = rows[name]
        if name == _FORMER:
            column = pc.binary_join(pc.cast(column, pa.list_(pa.string())), " ")
        if name != "_updated_at" and column.null_count:
            column = pc.fill_null(column, "" if pa.types.is_string(column.type) else pa.scalar(0, column.type))
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows
