"""silver.identities. One row per identifier of a person, with the customer_id it resolves to.

Key: identifier_type, identifier. Input: silver.contacts, the tables that refer to customers, and the ledger of issued
ids (ops.customer_ids). Output: new rows of the ledger, then silver.identities. Leaves an empty silver table for every
dataset that nobody delivered, since gold reads all of them.
Skipped when no input changed. Otherwise only what the changes touch is resolved again, or everything, where it cannot
be said what changed. Rows that did not change keep their `_updated_at`. So a normal run equals a rebuild.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.config.folder import configuration_folder
from lakehouse.config.placeholders import placeholders
from lakehouse.config.settings import settings
from lakehouse.contracts import IDENTITIES, arrow_schema
from lakehouse.contracts.placeholders import Placeholders
from lakehouse.identities.inputs import INPUTS, LEDGER, LEDGER_SCHEMA, Inputs
from lakehouse.outcome import TableOutcome
from lakehouse.silver.ensure_tables import ensure_silver_tables
from lakehouse.silver.mail_holds import refresh_mail_holds
from lakehouse.spark.commits import committed
from lakehouse.spark.guard import guarded
from lakehouse.spark.job_command_line import run_from_command_line
from lakehouse.spark.session import session
from lakehouse.spark.table import SparkTable
from lakehouse.storage.ops_tables import record_batch
from lakehouse.storage.progress import record_progress, versions_worked_on
from lakehouse.storage.table import Table
from lakehouse.tables import TableRef, ops, silver
from lakehouse.utils.sql_text import literal
from lakehouse.window import BatchWindow

if TYPE_CHECKING:
    from lakehouse.identities.changes import RowsToWrite

TABLE = silver("identities")
# Not a table: a number that stands for the settings identities were resolved with, kept like a version in ops.progress.
RULES = ops("identity_rules")
# A change of some addresses writes no cards.
_PARTITIONS = ("identifier_type",)


def run(target: str, window: BatchWindow) -> list[TableOutcome]:
    """Bring silver.identities up to date; read = identifiers looked at, loaded = rows written because they are new or
    changed."""
    del target
    lake, known = settings().lake, placeholders(configuration_folder())
    if any(Table(ref, lake).exists for ref in INPUTS):
        # here, because this stage runs whatever became of the datasets
        ensure_silver_tables(lake)
        refresh_mail_holds(window.run_id, lake)
    there = {ref: found.version for ref in INPUTS if (found := Table(ref, lake)).exists}
    since, rules = versions_worked_on(TABLE, lake), {RULES: _fingerprint(known)}
    can_go_on = Table(TABLE, lake).exists and not window.is_full and since.get(RULES) == rules[RULES]
    is_current = all(since.get(ref) == version for ref, version in (there | _ledger_version(lake)).items())
    if not there or (can_go_on and is_current):
        return [TableOutcome(TABLE, skipped=True)]
    with guarded(str(TABLE)):
        work = _Work(Inputs(session(), there, known, lake), since, settings().identity_sharing_limit)
        outcome = (work.increment() if can_go_on else None) or work.everything()
    record_progress(TABLE, there | _ledger_version(lake) | rules, window.run_id, lake)
    return [outcome]


def _ledger_version(lake: str) -> dict[TableRef, int]:
    return {LEDGER: Table(LEDGER, lake).version}


def _fingerprint(known: Placeholders) -> int:
    told = f"{settings().identity_sharing_limit} {sorted(known.words)} {sorted(known.mailboxes)}"
    return zlib.crc32(told.encode())


@dataclass(frozen=True)
class _Work:
    """One run: scipy and pandas, which take a second to import, are needed from here on."""

    inputs: Inputs
    since: dict[TableRef, int]
    sharing_limit: int

    @property
    def _table(self) -> SparkTable:
        return SparkTable(TABLE, self.inputs.lake, spark=self.inputs.spark)

    def everything(self) -> TableOutcome:
        """Resolve everything and replace the table in one commit."""
        from lakehouse.identities.changes import compare
        from lakehouse.identities.increment import placeholders_of
        from lakehouse.identities.issued_before import start_ledger
        from lakehouse.identities.resolution import Facts, Guard, resolve

        table, schema = self._table, arrow_schema(IDENTITIES.columns)
        start_ledger(table)
        now = self._now(table)
        contacts, references = self.inputs.contacts().toArrow(), self.inputs.references().toArrow()
        ledger = Table(LEDGER, table.lake).rows()
        facts = Facts(
            contacts,
            references,
            self.inputs.of_contacts().toArrow(),
            LEDGER_SCHEMA.empty_table() if ledger is None else ledger,
        )
        resolution = resolve(facts, Guard(self.sharing_limit, placeholders=placeholders_of(references)), now)
        self._record(resolution.assigned)
        rows = compare(table.rows() if table.columns == schema.names else None, resolution.rows, now)
        if not rows.is_empty or not table.exists:
            everything = pa.concat_tables([rows.changed, rows.unchanged]).cast(schema)
            table.overwrite(everything.sort_by([(name, "ascending") for name in IDENTITIES.key]), _PARTITIONS)
        count_placeholders = (pc.sum(contacts["count_placeholders"]).as_py() or 0) + len(placeholders_of(references))
        return self._outcome(resolution.rows.num_rows, rows.changed.num_rows, count_placeholders)

    def increment(self) -> TableOutcome | None:
        """Resolve what the changes touch; None when it cannot be said what changed."""
        from lakehouse.identities.changed_inputs import add_recorded_meanwhile, changed_inputs
        from lakehouse.identities.changes import compare
        from lakehouse.identities.increment import resolve_changes
        from lakehouse.identities.lake_neighbours import LakeNeighbours

        table = self._table
        changed = changed_inputs(self.inputs, self.since)
        if changed is None or not add_recorded_meanwhile(changed, self.since.get(LEDGER, -1), table.lake):
            return None
        if not changed.touched:
            return self._outcome(0, 0, changed.count_placeholders)
        now, neighbours = self._now(table), LakeNeighbours(self.inputs, self.sharing_limit)
        known, resolution = resolve_changes(changed, neighbours, self.sharing_limit, now)
        self._record(resolution.assigned)
        rows = compare(known, resolution.rows, now)
        if not rows.is_empty:
            committed(TABLE, lambda: self._rewrite(rows))
        return self._outcome(resolution.rows.num_rows, rows.changed.num_rows, changed.count_placeholders)

    def _rewrite(self, rows: RowsToWrite) -> None:
        """Write the types of identifiers anew of which rows change; the engine's merge takes three times as long."""
        table = self._table
        known = table.rows(filters=[("identifier_type", "in", rows.types)])
        assert known is not None, "only a table that exists is gone on with"
        types = ", ".join(literal(kind) for kind in rows.types)
        table.overwrite_where(f"identifier_type in ({types})", rows.applied_to(known))

    def _now(self, table: SparkTable) -> datetime:
        """Later than anything in the table and in the ledger."""
        now, recorded = table.next_update_time(), Table(LEDGER, table.lake).latest_time("assigned_at")
        return now if recorded is None or recorded < now else recorded + timedelta(milliseconds=1)

    def _record(self, assigned: pa.Table) -> None:
        """Before the table: an id that somebody has seen is in the ledger, whatever becomes of this run."""
        if assigned.num_rows:
            record_batch(LEDGER.name, assigned, self.inputs.lake)

    def _outcome(self, count_rows: int, count_changed: int, count_placeholders: int) -> TableOutcome:
        said = (
            f"{count_placeholders} identifiers are placeholders (such as NULL, N/A, 0000 or 4.91E+11) and link nobody"
        )
        return TableOutcome(
            TABLE,
            count_rows,
            loaded=count_changed,
            duplicates=count_rows - count_changed,
            warnings=(said,) if count_placeholders else (),
        )


def main() -> None:
    run_from_command_line(run, "identities")


if __name__ == "__main__":
    main()
