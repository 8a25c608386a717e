"""What of the inputs changed since identities were last resolved: which identifiers to look at, and what refers to them
now."""

from __future__ import annotations

from collections.abc import Mapping
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
    before, after = (
        None if part is None else inputs.canonical(part).toArrow() for part in (changes.before, changes.after)
    )
    for row in _rows(before) ^ _rows(after):
        result.touched |= {(kind, str(text)) for kind, text in zip(TYPES, row, strict=False) if text is not None}
    if after is not None:
        result.count_placeholders = pc.sum(after["count_placeholders"]).as_py() or 0


def _add_references(
    result: ChangedInputs, inputs: Inputs, found: Mapping[TableRef, RowChanges], since: Mapping[TableRef, int]
) -> None:
    """Touch identifiers that are referred to for the first time or earlier, and those whose first mention may have been
    a row that is no more; nothing hangs on any other reference."""
    now, then = _referring_rows(inputs, found, since)
    table = SparkTable(TABLE, inputs.lake, spark=inputs.spark)
    known = table.read().select(*_NAME, sf.col("first_seen_at").alias("known_since"))
    since_then = sf.col("known_since")
    result.touched |= _those(now, known, since_then.isNull() | (sf.col("first_seen_at") < since_then))
    result.touched |= _those(then, known, sf.col("first_seen_at") <= since_then)


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


def _those(parts: list[DataFrame], known: DataFrame, condition: sf.Column) -> set[Name]:
    """The identifiers whose earliest mention in `parts` meets the condition."""
    if not parts:
        return set()
    rows = reduce(DataFrame.unionByName, parts).where("first_seen_at is not null")
    least = rows.groupBy(*_NAME).agg(sf.min("first_seen_at").alias("first_seen_at"))
    return set(pairs(least.join(known, list(_NAME), "left").where(condition).select(*_NAME).toArrow()))


def _rows(contacts: pa.Table | None) -> set[tuple[object, ...]]:
    if contacts is None:
        return set()
    columns = [contacts[name].to_pylist() for name in contacts.column_names if name != "count_placeholders"]
    return set(zip(*columns, strict=True))


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
