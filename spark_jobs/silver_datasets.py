"""silver.<dataset>. One row per key of the dataset, the newest version; in consents every change is a row.

Key and columns are in lakehouse/contracts/datasets.py. Input: bronze tables of all sources that feed the dataset, or
did.
Output: silver.<dataset>, silver.<dataset>_quarantine, with contacts silver.contact_identifiers, and with contacts and
consents silver.mail_holds. Rows that the newest complete snapshot of a source lacks are flagged `_is_deleted`.

Order of the writes: silver, quarantine, progress. After a kill anywhere in between, the next run does the same work
again, and rows that are there already count as duplicates.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from lakehouse.config.feeds import Feed
from lakehouse.config.settings import settings
from lakehouse.contracts import CONTACT_IDENTIFIERS, DATASETS
from lakehouse.errors import ContractError, LakehouseError, MappingError, combined_error
from lakehouse.landing.source_history import (
    SourceHistory,
    declared_feeds,
    in_other_namespace,
    known_feeds,
    record_declarations,
    refuse_unread_bronze,
    retired_bronze,
    source_history,
)
from lakehouse.outcome import TableOutcome, summed
from lakehouse.silver.contact_identifiers import rebuild_identifiers
from lakehouse.silver.deduplicate import unique_rows
from lakehouse.silver.feed_plan import plan_of
from lakehouse.silver.feed_rows import FeedRows, read_rows
from lakehouse.silver.load import load_rows, replace_all
from lakehouse.silver.mail_holds import refresh_mail_holds
from lakehouse.silver.mapping_errors import failing_expression
from lakehouse.silver.messages import rows_of_messages
from lakehouse.silver.quarantine import replace_quarantine
from lakehouse.silver.shared_ids import refuse_shared_ids_in
from lakehouse.silver.snapshots import newest_keys
from lakehouse.silver.soft_deletes import presences, refuse_mass_deletion, snapshot_times, with_deletions
from lakehouse.spark.guard import guarded
from lakehouse.spark.job_command_line import run_from_command_line
from lakehouse.spark.session import session
from lakehouse.spark.table import SparkTable
from lakehouse.storage.progress import record_progress, worked_up_to
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, quarantine, silver
from lakehouse.window import BatchWindow

log = logging.getLogger(__name__)
# Rejected rows of these hold people back from mail.
HOLDING = frozenset({"consents", "contacts"})


def run(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Load what is new in bronze into silver.<target>, or rebuild it when `window.is_full`: from everything in bronze,
    also of sources that sources.yml does not declare any more.

    Raises ContractError when a required column is missing altogether, a snapshot looks incomplete or two sources use
    the same ids for different things, and MappingError when an expression of sources.yml fails. Nothing of that feed is
    marked as processed then; the other feeds are loaded first.
    """
    table = Table(silver(target), settings().lake)
    history = source_history(table.lake)
    known = known_feeds(target, history)
    if not window.is_full:
        _refuse_other_namespace(target, history)
    changed = record_declarations(declared_feeds(target), history, window.run_id)
    try:
        if window.is_full and table.exists:
            return [_rebuild(table, known, retired_bronze(target, history), window)]
        return [_load_all(table, known, changed, window)]
    finally:
        if target in HOLDING:
            refresh_mail_holds(window.run_id, table.lake)


def _refuse_other_namespace(dataset: str, history: SourceHistory) -> None:
    if renamed := in_other_namespace(declared_feeds(dataset), history):
        named = ", ".join(feed.source for feed in renamed)
        problem = f"the namespace of {named} is another one than that of its rows in silver"
        raise ContractError(dataset, problem, "Run `lakehouse run --full` once, which gives all rows the new one.")


def _load_all(table: Table, known: list[Feed], changed: list[Feed], window: BatchWindow) -> TableOutcome:
    """What is new of every feed; the errors of all that failed are raised as one in the end."""
    outcomes: list[TableOutcome] = []
    errors: list[LakehouseError] = []
    for feed in known:
        try:
            outcomes.append(_load_new(table, feed, known, window))
        except (ContractError, MappingError) as error:
            log.error("%s of source %s: %s", table.ref.name, feed.source, error)
            errors.append(error)
    if errors:
        raise combined_error(table.ref.name, errors)
    told = tuple(
        f"the declaration of {feed.source} has changed: rows loaded before follow the old one, `lakehouse run --full`"
        " applies the new one"
        for feed in changed
    )
    done = summed(table.ref, outcomes)
    return replace(done, warnings=(*done.warnings, *told))


def _load_new(table: Table, feed: Feed, known: list[Feed], window: BatchWindow) -> TableOutcome:
    """What bronze received from one source since the last run: extract, type, save, note the progress."""
    received = Table(feed.bronze, table.lake)
    since = worked_up_to(table.ref, feed.bronze, table.lake) if table.exists else -1
    if received.version == since:  # also when bronze does not exist: both are -1
        return TableOutcome(table.ref, skipped=True)
    try:
        with guarded(str(table.ref)):
            silver_table = SparkTable(table.ref, table.lake, spark=session())
            bronze = silver_table.beside(feed.bronze)
            new = _received(bronze, feed, since)
            outcome = TableOutcome(table.ref, skipped=True)
            if new is not None:
                outcome = _load(silver_table, feed, known, new, since)
    except PySparkException:
        if (blamed := failing_expression([feed])) is not None:
            raise blamed from None
        raise
    record_progress(table.ref, {feed.bronze: bronze.version}, window.run_id, table.lake)
    return outcome


def _received(bronze: SparkTable, feed: Feed, since: int) -> DataFrame | None:
    """What bronze received of a feed after a version; None when that is nothing."""
    new = bronze.appended_since(since)
    return rows_of_messages(new, feed.source) if new is not None and feed.is_stream else new


def _load(table: SparkTable, feed: Feed, known: list[Feed], received: DataFrame, since: int) -> TableOutcome:
    plan, others = plan_of(feed), [other for other in known if feed.shares_ids_with(other)]
    if not feed.is_full:
        # A few messages, none of which can be read, are no reason to stop: quarantine has them.
        rows = read_rows(plan, received, check_required=not feed.is_stream)
        return load_rows(table, rows, others=others)
    # Snapshots one by one, in the order they came, as if each had been loaded on its own day.
    times = snapshot_times(received)
    outcomes = []
    for moment in times:
        rows = read_rows(plan, received.where(sf.col("_ingested_at") == sf.lit(moment)))
        newest = newest_keys(table, feed, known, received, since) if moment == times[-1] else None
        outcomes.append(load_rows(table, rows, newest, others))
    return summed(table.ref, outcomes)


def _rebuild(table: Table, known: list[Feed], retired: list[TableRef], window: BatchWindow) -> TableOutcome:
    """The table and its quarantine, computed again from all of bronze but that of retired sources.

    Rows get a new `_updated_at`, also those whose content did not change: finding them would cost a join of everything
    with everything. All else equals what the increments left.
    """
    refuse_unread_bronze(table.ref.name, known, retired)
    versions: dict[TableRef, int] = dict.fromkeys(retired, -1)
    found: list[FeedRows] = []
    try:
        with guarded(str(table.ref)):
            silver_table = SparkTable(table.ref, table.lake, spark=session())
            for feed in known:
                bronze = silver_table.beside(feed.bronze)
                if (received := _received(bronze, feed, -1)) is not None:
                    versions[feed.bronze] = bronze.version
                    found.append(read_rows(plan_of(feed), received, check_required=feed.origin is not None))
            if not found and silver_table.is_never_loaded:
                return TableOutcome(table.ref, skipped=True)
            outcome = _save_rebuilt(silver_table, found, has_retired=bool(retired))
    except PySparkException:
        if (blamed := failing_expression(known)) is not None:
            raise blamed from None
        raise
    record_progress(table.ref, versions, window.run_id, table.lake)
    return outcome


def _save_rebuilt(table: SparkTable, found: list[FeedRows], has_retired: bool) -> TableOutcome:
    contract = DATASETS[table.ref.name]
    if not found and not has_retired:
        remedy = "Run without --full, or load its source first."
        raise ContractError(contract.dataset, "there are no bronze rows to rebuild it from", remedy)
    snapshots = presences(contract, found)
    refuse_mass_deletion(table.read(), contract, snapshots, table.lake)
    refuse_shared_ids_in(found)
    rows, count_lost, warnings = unique_rows(contract, found) if found else (table.read().limit(0), 0, ())
    loaded = replace_all(table, with_deletions(rows, contract, snapshots), contract)
    if contract.dataset == "contacts":
        rebuild_identifiers(table.beside(silver(CONTACT_IDENTIFIERS.dataset)), found)
    quarantined = replace_quarantine(table.beside(quarantine(contract.dataset)), found)
    count_read = sum(rows.count_rows for rows in found)
    return TableOutcome(table.ref, count_read, loaded, quarantined, count_lost, warnings)


def main() -> None:
    run_from_command_line(run)


if __name__ == "__main__":
    main()
