"""The plan of an export: its id, its counts, and its operations as a stream. The same input gives the same plan."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from lakehouse.activation.audience.selection import Selection, lines_of_target
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.payload.changed_fields import RowForm, rows_sql
from lakehouse.activation.payload.payload_sql import add_json_string
from lakehouse.activation.planning.diff import diff
from lakehouse.activation.planning.operations import OPERATIONS, slices
from lakehouse.activation.records.destination_state import DestinationState
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.utils.sql_text import standard_literal

# What is still to be sent: removals first (an address may pass from one customer to another), then upserts.
_OPERATIONS = """
    select
        customer_id,
        action,
        coalesce(address, '') as email,
        encode(payload) as payload,
        coalesce(payload_hash, '') as payload_hash,
        {sent_email} as sent_email,
        is_uncertain,
        field_hashes
    from ({rows}) as operations
    order by action <> 'removed', customer_id
"""
# An address that somebody has who is at the destination with it already must not leave the audience.
_SENT_EMAIL = """
    case
        when lower(operations.sent_email) in (
            select lower(address) from target where customer_id not in (select customer_id from operations)
        ) then ''
        else operations.sent_email
    end
"""
_FORMER = """
    select
        customer_id,
        'moved' as action,
        '' as email,
        ''::blob as payload,
        '' as payload_hash,
        sent_to as sent_email,
        is_uncertain,
        null::varchar as field_hashes
    from (select *, {sent_email} as sent_to from operations where action <> 'removed')
    where sent_to <> '' and lower(sent_to) <> lower(address)
    order by customer_id
"""

_LEFT_TO_SEND = """
    create or replace view operations as
    select difference.*, target.address, target.payload_hash
    from difference
    left join target using (customer_id)
    where difference.action not in ('retained', 'dead_letter') and difference.customer_id not in ({done})
"""
# Bytes of the payloads by action, without making a Python object of any.
_SIZES = "select action, count(*), coalesce(sum(strlen(payload)), 0) from ({rows}) group by action"
_ROWS_OF_A_SORT = 200_000
# Where upserts are divided into parts of so many.
_BOUNDS = """
    with placed as (
        select customer_id, row_number() over (order by customer_id) as place
        from operations
        where action <> 'removed'
    )

    select customer_id from placed where place % {rows} = 0 order by customer_id
"""
_FIRST_OF_EACH = """
    select customer_id from operations qualify row_number() over (partition by action order by customer_id) <= {count}
"""
_RECIPIENT = """
    '{"customer_id":' || json_string(customer_id) || ',"payload_hash":"' || payload_hash || '"}' || chr(10)
"""
_RETRIED = "difference semi join rejected_before using (customer_id) where action in ('added', 'changed')"


@dataclass(frozen=True)
class Counts:
    """audience = holdout + suppressed + added + changed + unchanged + dead_letters.

    Once everything is sent, added + changed + removed = exported + rejected.
    """

    audience: int
    holdout: int
    suppressed: int
    added: int
    changed: int
    removed: int
    unchanged: int
    dead_letters: int = 0


@dataclass(frozen=True)
class Plan:
    """What one export sends. Its rows are in the DuckDB of the snapshot, and are read as they are needed.

    Attributes:
        count: number of operations that are still to be sent.
        offset: number of operations that were sent before the export's process was killed; they are in `counts`, but
            not in `count`.
        suppressed: number of suppressed customers by reason.
        retained: number of customers who stay at the destination although they are not in the target, because they may
            not be removed; they are in no other count.
        retried: number of added and changed customers whom the destination rejected the last time.
    """

    export_id: str
    campaign: Campaign
    snapshot: Snapshot
    count: int
    offset: int
    counts: Counts
    suppressed: Mapping[str, int]
    target_hash: str
    retained: int
    retried: int

    def operations(self, size: int, form: RowForm) -> Iterator[pa.Table]:
        """What is still to be sent, in tables of `size` operations with the schema OPERATIONS.

        Streams from the snapshot's connection, which must run no other query before the last table has been read.
        """
        if not self.count:
            return
        for table in slices(self._batches(size, form), size):
            yield table.cast(OPERATIONS)

    def _batches(self, size: int, form: RowForm) -> Iterator[pa.RecordBatch]:
        """What is still to be sent, from one query for each part of it: sorting all payloads of a million customers at
        once needs more memory than there is."""
        run = self.snapshot.connection.execute
        bounds = [standard_literal(bound) for (bound,) in run(_BOUNDS.format(rows=_ROWS_OF_A_SORT)).fetchall()]
        above = ["true", *(f"customer_id > {bound}" for bound in bounds)]
        up_to = [*(f"customer_id <= {bound}" for bound in bounds), "true"]
        parts = [f"{low} and {high}" for low, high in zip(above, up_to, strict=True)]
        for only in ("action = 'removed'", *(f"action <> 'removed' and {part}" for part in parts)):
            yield from run(self._query(form, only)).to_arrow_reader(size)

    def former_addresses(self, size: int) -> Iterator[pa.Table]:
        """Addresses that were sent of customers who have another one now, to be taken out of the audience before any
        upsert, in tables of `size` operations with the action `moved`."""
        if not self.count:
            return
        query = _FORMER.format(sent_email=_SENT_EMAIL)
        for table in slices(self.snapshot.connection.cursor().execute(query).to_arrow_reader(size), size):
            yield table.cast(OPERATIONS)

    def sizes(self, form: RowForm) -> Mapping[str, tuple[int, int]]:
        """Action -> number of operations that are still to be sent, and bytes of their payloads; 0 of removals."""
        query = _SIZES.format(rows=rows_sql(self.snapshot, self.campaign, form))
        found = self.snapshot.connection.execute(query).fetchall()
        return {action: (count, int(size)) for action, count, size in found}

    def sample(self, count: int, form: RowForm) -> pa.Table:
        """At most so many operations of each action."""
        query = self._query(form, f"customer_id in ({_FIRST_OF_EACH.format(count=count)})")
        return self.snapshot.connection.execute(query).to_arrow_table().cast(OPERATIONS)

    def _query(self, form: RowForm, only: str = "true") -> str:
        rows = rows_sql(self.snapshot, self.campaign, form, only)
        sent_email = _SENT_EMAIL if form.by_address else "operations.sent_email"
        return _OPERATIONS.format(rows=rows, sent_email=sent_email)

    def recipients(self) -> Iterator[pa.Buffer]:
        """JSON lines with customer_id and payload_hash of everybody who should be at the destination, sorted."""
        add_json_string(self.snapshot.connection)
        return lines_of_target(self.snapshot.connection, _RECIPIENT)


def export_id_of(campaign: Campaign, finished: int, target_hash: str) -> str:
    """Id of the export that follows `finished` exports of the campaign and has that target hash.

    A killed export has left no row in ops.exports, so the next run with the same target computes the same id and
    resumes it. A finished one (also a failed one) increases the count, so A -> B -> A are three exports.
    """
    identity = f"{campaign.destination}:{campaign.id}:{finished}:{target_hash}"
    return f"{campaign.id}-{finished + 1:05d}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def make_plan(
    snapshot: Snapshot,
    campaign: Campaign,
    selection: Selection,
    state: DestinationState,
    resumes: bool = False,
    removable: str | None = None,
) -> Plan:
    """Plan an export, from the tables that `select` and `destination_state` left.

    Args:
        snapshot: what they were made from.
        campaign: the campaign.
        selection: who should be at the destination.
        state: who was there before this export.
        resumes: whether this export was begun by a process that was killed: what it has recorded is not sent again.
        removable: a query for the customers who may be removed of those who are not in the target; None for all.
    """
    connection = snapshot.connection
    export_id = export_id_of(campaign, state.finished, selection.target_hash)
    begun = standard_literal(export_id if resumes else "")
    done = f"select distinct customer_id from ops.export_records where export_id = {begun}"  # noqa: S608 - a literal
    counts = diff(connection, None if removable is None else f"{removable} union {done}")
    connection.execute(_LEFT_TO_SEND.format(done=done))
    return Plan(
        export_id=export_id,
        campaign=campaign,
        snapshot=snapshot,
        count=_count(connection, "operations"),
        offset=_count(connection, f"({done})"),
        counts=Counts(
            audience=selection.audience,
            holdout=selection.holdout,
            suppressed=selection.suppressed.total(),
            added=counts["added"],
            changed=counts["changed"],
            removed=counts["removed"],
            unchanged=counts["unchanged"],
            dead_letters=counts["dead_letter"],
        ),
        suppressed=dict(sorted(selection.suppressed.items())),
        target_hash=selection.target_hash,
        retained=counts["retained"],
        retried=_count(connection, _RETRIED),
    )


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    found: int = connection.execute(f"select count(*) from {rows}").fetchall()[0][0]  # noqa: S608 - SQL of ours
    return found
