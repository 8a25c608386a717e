"""Bringing rows of one feed into silver: the good ones into the table, one per key, the bad ones into quarantine.

Only what differs from the table is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed
from lakehouse.contracts import CONTACT_IDENTIFIERS, Contract
from lakehouse.outcome import TableOutcome
from lakehouse.silver.contact_identifiers import remember_identifiers
from lakehouse.silver.deduplicate import ARRIVAL, unique_rows
from lakehouse.silver.deletions import Deletion, told
from lakehouse.silver.feed_rows import FeedRows
from lakehouse.silver.quarantine import quarantine_rows
from lakehouse.silver.shared_ids import refuse_shared_ids
from lakehouse.silver.soft_deletes import SnapshotKeys, changed_flags, flagged
from lakehouse.spark.commits import committed
from lakehouse.spark.table import SparkTable
from lakehouse.tables import quarantine, silver

_KNOWN = "_known_"


def load_rows(
    table: SparkTable, rows: FeedRows, snapshot: SnapshotKeys | None = None, others: Sequence[Feed] = ()
) -> TableOutcome:
    """Move rows of a feed into its silver table and quarantine; run again, all its good rows are duplicates.

    With a `snapshot`, the newest one of the feed, rows of its source that it lacks are flagged as deleted, and rows it
    has again are no longer. `others`: sources that must not have the same ids. Raises ContractError when the snapshot
    looks incomplete, or ids are shared.
    """
    contract, table = rows.plan.contract, table.reopened()
    incoming, count_lost, warnings = unique_rows(contract, [rows])
    if others and not table.is_never_loaded:
        refuse_shared_ids(rows.plan.feed, incoming, others, table.read())
    if table.is_never_loaded:
        loaded = replace_all(table, incoming.withColumn("_is_deleted", sf.lit(False)), contract)
        known_already = 0
        deletion = None
    else:
        loaded, known_already, deletion = _merge(table, contract, incoming, snapshot)
    if contract.dataset == "contacts":
        remember_identifiers(table.beside(silver(CONTACT_IDENTIFIERS.dataset)), rows)
    duplicates = count_lost + known_already
    # Looking for bad rows costs a pass over all columns, so it is made only when rows are unaccounted for.
    is_complete = rows.count_rows == loaded + duplicates
    quarantined = 0 if is_complete else quarantine_rows(table.beside(quarantine(contract.dataset)), rows)
    warned, notes = told(deletion)
    return TableOutcome(table.ref, rows.count_rows, loaded, quarantined, duplicates, (*warnings, *warned), notes=notes)


def replace_all(table: SparkTable, rows: DataFrame, contract: Contract) -> int:
    """Replace the table by these rows in one commit; returns their number. All get a new `_updated_at`."""

    def attempt() -> int:
        current = table.reopened()
        dated = rows.withColumn("_updated_at", sf.lit(current.next_update_time()))
        return current.replace_rows(dated, contract.stored).count_rows()

    return committed(table.ref, attempt)


def _merge(
    table: SparkTable, contract: Contract, incoming: DataFrame, snapshot: SnapshotKeys | None
) -> tuple[int, int, Deletion | None]:
    """Merge good rows, unique by key, in one commit, again when another writer was first.

    A row replaces the known one when it is newer (see `_is_newer`). Returns how many rows were inserted or brought a
    row up to date, how many changed nothing, and what the snapshot deleted.
    """
    table.ensure(contract.stored)

    def attempt() -> tuple[int, int, Deletion | None]:
        return _merge_once(table.reopened(), contract, incoming, snapshot)

    return committed(table.ref, attempt)


def _merge_once(
    table: SparkTable, contract: Contract, incoming: DataFrame, snapshot: SnapshotKeys | None
) -> tuple[int, int, Deletion | None]:
    known = table.read()
    changes, counts = _changes(contract, incoming, known)
    count_flags, deletion = 0, None
    if snapshot is not None:
        flags, deletion = changed_flags(known, contract, snapshot, table.lake)
        flags = flags.join(changes.select(*contract.key), list(contract.key), "left_anti")
        count_flags = flags.count()
        changes = flagged(changes, contract, snapshot.keys)
        changes = changes.unionByName(flags.select(*changes.columns)) if count_flags else changes
    if not counts["count_changed"] and not count_flags:
        return 0, counts["count_rows"], None
    updated_at = sf.lit(table.next_update_time())
    dated = changes.withColumn("_updated_at", updated_at)
    if counts["count_updated"] or count_flags:
        table.merge(dated, contract.key)
    else:
        table.append(dated)
    count_written = table.read().where(sf.col("_updated_at") == updated_at).count()
    count_loaded = count_written - count_flags
    return count_loaded, counts["count_rows"] - count_loaded, deletion


def _changes(contract: Contract, incoming: DataFrame, known: DataFrame) -> tuple[DataFrame, dict[str, int]]:
    """Rows to insert or update, and the counts of rows, changed rows and updated rows."""
    beside = dict.fromkeys([*contract.order_by, "_row_hash", *ARRIVAL])
    columns = [sf.col(name).alias(f"{_KNOWN}{name}") for name in beside]
    # Same names on both sides only for the key, so that the join is a plain one on equality, which engines hash.
    compared = incoming.join(
        known.select(*contract.key, *columns, sf.lit(True).alias(f"{_KNOWN}row")), list(contract.key), "left"
    )
    is_known = sf.col(f"{_KNOWN}row").isNotNull()
    is_changed = ~is_known | _is_newer(contract)
    numbers = {"count_rows": sf.lit(True), "count_changed": is_changed, "count_updated": is_known & is_changed}
    counts = (
        compared.agg(*[sf.count_if(condition).alias(name) for name, condition in numbers.items()]).collect()[0].asDict()
    )
    changes = compared.where(is_changed).select(*incoming.columns).withColumn("_is_deleted", sf.lit(False))
    return changes, counts


def _is_newer(contract: Contract) -> Column:
    """Whether the incoming version beats the known one: greater `order_by`, else the later arrival; and its content
    differs."""
    # A column that belongs to the key is compared by the join already.
    order_by = [name for name in contract.order_by if name not in contract.key]
    says_same = reduce(
        lambda left, name: left & sf.col(name).eqNullSafe(sf.col(f"{_KNOWN}{name}")),
        [*order_by, "_row_hash"],
        sf.lit(True),
    )
    newer = sf.lit(False)
    for name in reversed([*order_by, *ARRIVAL]):
        incoming, known = sf.col(name), sf.col(f"{_KNOWN}{name}")
        is_greater = sf.when(known.isNull(), incoming.isNotNull()).otherwise(
            sf.coalesce(incoming > known, sf.lit(False))
        )
        newer = is_greater | (incoming.eqNullSafe(known) & newer)
    return newer & ~says_same
