"""What of the inputs changed since identities were last resolved: which identifiers to look at, and what refers to them
now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.contracts import DATASETS
from lakehouse.identities.increment import ChangedInputs
from lakehouse.identities.inputs import (
    CAMPAIGNS,
    CONTACTS,
    EVENTS,
    LEDGER,
    MEMBERS,
    OF_CONTACTS,
    Inputs,
    dated_members,
)
from lakehouse.identities.names import TYPES, Name, pairs
from lakehouse.identities.neighbourhood import names_table
from lakehouse.spark.row_changes import RowChanges, row_changes
from lakehouse.spark.table import SparkTable
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, silver

TABLE = silver("identities")
_NAME = ("identifier_type", "identifier")


def changed_inputs(inputs: Inputs, since: Mapping[TableRef, int]) -> ChangedInputs | None:
    """What changed after the versions `since`; None when that cannot be said, and everything has to be looked at."""
    found: dict[TableRef, RowChanges] = {}
    for table in (CONTACTS, *EVENTS, MEMBERS, CAMPAIGNS):
        changes = _changes(inputs, table, since.get(table, -1))
        if changes is None:
            return None
        found[table] = changes
    result = ChangedInputs()
    if not _add_new_identifiers_of_contacts(result, inputs, since.get(OF_CONTACTS, -1)):
        return None
    _add_contacts(result, inputs, found[CONTACTS])
    _add_references(result, inputs, found, since)
    return result


def _changes(inputs: Inputs, table: TableRef, since: int) -> RowChanges | None:
    until = inputs.versions.get(table, -1)
    if until == since:
        return RowChanges()
    if since < 0:
        return None
    return row_changes(inputs.opened(table), since, DATASETS[table.name].key)


def _add_new_identifiers_of_contacts(result: ChangedInputs, inputs: Inputs, since: int) -> bool:
    """Touch what was appended to silver.contact_identifiers; False when it was not only appended to."""
    until = inputs.versions.get(OF_CONTACTS, -1)
    if since == until:
        return True
    if not _is_only_appended(OF_CONTACTS, since, until, inputs.lake):
        return False
    added = inputs.opened(OF_CONTACTS).appended_since(since)
    if added is not None:
        rows = added.select("contact_id", *_NAME).toArrow()
        result.touched |= set(pairs(rows)) | {("crm_id", contact) for contact in rows["contact_id"].to_pylist()}
    return True


def _add_contacts(result: ChangedInputs, inputs: Inputs, changes: RowChanges) -> None:
    """Touch every identifier of contacts that have other identifiers than before."""
    rows = [
        set() if part is None else set(map(tuple, _rows(inputs.canonical(part).drop("count_placeholders").toArrow())))
        for part in (changes.before, changes.after)
    ]
    for row in rows[0] ^ rows[1]:
        result.touched |= {(kind, str(text)) for kind, text in zip(TYPES, row, strict=False) if text is not None}
    if changes.after is not None:
        counted = inputs.canonical(changes.after).agg(sf.sum("count_placeholders")).collect()
        result.count_placeholders = int(counted[0][0] or 0)


def _add_references(
    result: ChangedInputs, inputs: Inputs, found: Mapping[TableRef, RowChanges], since: Mapping[TableRef, int]
) -> None:
    """Touch identifiers that are referred to earlier, for the first time, later than before or not at all any more."""
    now, then = _referring_rows(inputs, found, since)
    table = SparkTable(TABLE, inputs.lake, spark=inputs.spark)
    known = table.read().select(*_NAME, "first_referred_at")
    first, is_known = sf.col("first_referred_at"), sf.col("first_referred_at").isNotNull()
    added = _least(now, inputs, known, ~is_known | (sf.col("first_seen_at") < first))
    gone = _least(then, inputs, known, is_known & (sf.col("first_seen_at") <= first))
    for name, moment, is_placeholder in added:
        if moment is not None:
            result.referred[name] = moment
            result.placeholders |= {name} if is_placeholder else set()
    # The row that was the first reference is another one now. Where no earlier one came, all rows are asked.
    lost = [name for name, moment, _ in gone if name not in result.referred or result.referred[name] > moment]  # type: ignore[operator]
    if lost:
        asked = inputs.local(names_table(lost))
        earliest: dict[Name, object] = dict.fromkeys(lost)
        for name, moment, is_placeholder in _least([inputs.references(asked)], inputs, None, None):
            earliest[name] = moment
            result.placeholders |= {name} if is_placeholder else set()
        result.referred |= earliest
    result.touched |= set(result.referred)


def _referring_rows(
    inputs: Inputs, found: Mapping[TableRef, RowChanges], since: Mapping[TableRef, int]
) -> tuple[list[DataFrame], list[DataFrame]]:
    """References of rows as they are and as they were, of what changed."""
    now, then = [], []
    for table, time in EVENTS.items():
        now += [inputs.referred(found[table].after, time)] if found[table].after is not None else []
        then += [inputs.referred(found[table].before, time)] if found[table].before is not None else []
    of_now = Inputs(inputs.spark, inputs.versions, inputs.placeholders, inputs.lake)
    of_then = Inputs(inputs.spark, since, inputs.placeholders, inputs.lake)
    for side, rows, chosen in ((now, of_now, "after"), (then, of_then, "before")):
        members, campaigns = getattr(found[MEMBERS], chosen), getattr(found[CAMPAIGNS], chosen)
        pairs = []
        if members is not None and CAMPAIGNS in rows.versions:
            pairs.append((members, rows.table(CAMPAIGNS)))
        if campaigns is not None and MEMBERS in rows.versions:
            pairs.append((rows.table(MEMBERS), campaigns))
        side += [inputs.referred(dated_members(*pair), "starts_at") for pair in pairs]
    return now, then


def _least(
    parts: list[DataFrame], inputs: Inputs, known: DataFrame | None, condition: sf.Column | None
) -> Iterable[tuple[Name, object, bool]]:
    """name, earliest first_seen_at, whether it is a placeholder; of those that meet a condition on what is known."""
    if not parts:
        return []
    rows = reduce(DataFrame.unionByName, parts)
    least = rows.groupBy(*_NAME, "is_placeholder").agg(sf.min("first_seen_at").alias("first_seen_at"))
    if known is not None and condition is not None:
        least = least.join(known, list(_NAME), "left").where(condition)
    found = least.select(*_NAME, "first_seen_at", "is_placeholder").toArrow()
    moments, flags = found["first_seen_at"].to_pylist(), found["is_placeholder"].to_pylist()
    return list(zip(pairs(found), moments, flags, strict=True))


def _rows(table: pa.Table) -> Iterable[tuple[object, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def add_recorded_meanwhile(result: ChangedInputs, since: int, lake: str) -> bool:
    """Touch what a run that did not come to its end has written into the ledger; False when that cannot be said."""
    ledger = Table(LEDGER, lake)
    if since == ledger.version:
        return True
    rows = ledger.rows([*_NAME, "assigned_at"])
    if rows is None or not _is_only_appended(LEDGER, since, ledger.version, lake):
        return False
    mark = Table(LEDGER, lake, since).latest_time("assigned_at")
    times = rows["assigned_at"]
    recent = rows if mark is None else rows.filter(pc.greater(times, pa.scalar(mark, times.type)))
    result.touched |= set(pairs(recent))
    return True


def _is_only_appended(table: TableRef, since: int, until: int, lake: str) -> bool:
    """Whether every data file of version `since` is one of version `until`."""
    if since < 0:
        return False
    before, current = (Table(table, lake, at).delta for at in (since, until))
    return before is not None and current is not None and set(before.file_uris()) <= set(current.file_uris())
