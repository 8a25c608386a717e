"""What a destination has of a campaign, as far as the lake knows.

From the newest acknowledged rows in ops.export_records, and from delivery intents in ops.export_attempts that nothing
acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lakehouse.activation.records.dead_letters import DEAD_LETTERS, EXPORT_REPLAYS, REJECTED_BEFORE
from lakehouse.contracts import OPS_TABLES
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.tables import TableRef, ops
from lakehouse.utils.sql_text import standard_literal

EXPORTS = ops("exports")
EXPORT_RECORDS = ops("export_records")
EXPORT_ATTEMPTS = ops("export_attempts")
HOLDOUTS = ops("holdouts")
REPAIRS = ops("repairs")
APPROVALS = ops("approvals")
STATE_TABLES = (EXPORTS, EXPORT_RECORDS, EXPORT_ATTEMPTS, EXPORT_REPLAYS, HOLDOUTS, REPAIRS, APPROVALS)

_DUCKDB_TYPES = {"string": "varchar", "timestamp": "timestamptz"}

# The newest acknowledged row of a customer counts.
_ACKNOWLEDGED = """
    create or replace table acknowledged as
    select
        customer_id,
        max(acknowledged_at) as acknowledged_at,
        arg_max(action, acknowledged_at) as action,
        arg_max(payload_hash, acknowledged_at) as payload_hash,
        {email}::varchar as email
    from ops.export_records
    where {of_campaign} and acknowledged_at is not null and export_id <> {without_export}
    group by customer_id
"""
# An intent is settled by a later acknowledgement, or by a rejection if it was the export's only one for the customer:
# when an export that was killed is resumed, the destination may reject the second delivery although it took the first.
# Intents that were settled only by the export that is left out are unsettled, too.
_UNCERTAIN = """
    create or replace table uncertain as
    with
    unanswered as (
        select distinct attempts.customer_id
        from (select * from ops.export_attempts where {of_campaign}) as attempts
        anti join acknowledged
            on
                attempts.customer_id = acknowledged.customer_id
                and attempts.attempted_at < acknowledged.acknowledged_at
    ),

    intents as (
        select
            export_id,
            customer_id,
            max(attempted_at) as attempted_at,
            count(*) as count_intents,
            {attempted_email}::varchar as email
        from ops.export_attempts
        where {of_campaign} and customer_id in (select customer_id from unanswered)
        group by export_id, customer_id
    ),

    rejected as (select export_id, customer_id from ops.export_records where action = 'rejected'),

    open as (
        select intents.*
        from intents
        anti join rejected
            on
                intents.export_id = rejected.export_id
                and intents.customer_id = rejected.customer_id
                and intents.count_intents = 1
    ),

    answered as (
        select customer_id, max(acknowledged_at) as acknowledged_at
        from ops.export_records
        where
            {of_campaign}
            and acknowledged_at is not null
            and customer_id in (select customer_id from unanswered)
        group by customer_id
    ),

    unsettled as (
        select open.*
        from open
        anti join answered
            on open.customer_id = answered.customer_id and open.attempted_at < answered.acknowledged_at
        union all
        select open.*
        from open
        anti join acknowledged
            on open.customer_id = acknowledged.customer_id and open.attempted_at < acknowledged.acknowledged_at
        where open.export_id <> {without_export}
    )

    select customer_id, arg_max(email, attempted_at) as email
    from unsettled
    group by customer_id
"""
_THERE = """
    create or replace table there as
    select
        coalesce(acknowledged.customer_id, uncertain.customer_id) as customer_id,
        acknowledged.payload_hash,
        coalesce(uncertain.email, acknowledged.email) as sent_email,
        acknowledged.customer_id is not null as is_acknowledged,
        uncertain.customer_id is not null as is_uncertain
    from (select * from acknowledged where action <> 'removed') as acknowledged
    full join uncertain on acknowledged.customer_id = uncertain.customer_id
"""
# Rows of what is acknowledged of each field; a view, because only the rows of those who changed are read.
_ACKNOWLEDGED_FIELDS = """
    create or replace view acknowledged_fields as
    select customer_id, acknowledged_at, {field_hashes}::varchar as field_hashes
    from ops.export_records
    where {of_campaign} and acknowledged_at is not null and export_id <> {without_export}
"""
_BEGUN = """
    with moments as (
        select export_id, acknowledged_at as moment from ops.export_records where {of_campaign}
        union all
        select export_id, attempted_at from ops.export_attempts where {of_campaign}
    )

    select export_id, max(moment), export_id in (select export_id from ops.exports)
    from moments
    group by export_id
    order by export_id
"""


@dataclass(frozen=True)
class DestinationState:
    """One campaign at one destination, as recorded. Who is there is in tables of the snapshot's DuckDB:

    `there` has everybody who is or may be at the destination: customer_id, payload_hash, sent_email (the address that
    was sent, if that was recorded), is_acknowledged, and is_uncertain when a delivery may or may not have reached them.
    `acknowledged_fields` has all acknowledgements with the hashes of the fields that the destination had afterwards.
    `rejected_before` has the customers whose newest answer was a rejection, `dead_letters` those of them who are not
    tried again with the same payload.

    Attributes:
        customers: number of customers in `there`.
        finished: number of exports that have a row in ops.exports.
        unfinished: ids of exports that began to send but have no such row, because their process was killed.
        newest_at: time of the newest delivery intent or acknowledgement.
    """

    customers: int
    finished: int
    unfinished: tuple[str, ...]
    newest_at: datetime | None

    def after_closing(self, count: int) -> DestinationState:
        """The state once `count` unfinished exports have been given their row in ops.exports."""
        return replace(self, finished=self.finished + count, unfinished=() if count else self.unfinished)


def add_missing_tables(snapshot: Snapshot) -> None:
    """Add an empty view for each state table that no export has written yet, so that queries need not check for it."""
    snapshot.connection.execute("create schema if not exists ops")
    for table in STATE_TABLES:
        if table not in snapshot.versions:
            columns = ", ".join(
                f"null::{_DUCKDB_TYPES.get(column.type, column.type)} as {column.name}"
                for column in OPS_TABLES[table.name].columns
            )
            snapshot.connection.execute(f"create view {table} as select {columns} where false")


def destination_state(
    snapshot: Snapshot, campaign_id: str, destination: str, without_export: str = ""
) -> DestinationState:
    """State of the campaign at the destination.

    `without_export` leaves out what that export did: the state before it, so that it is planned again as it was. Whom
    it may have reached without an answer stays uncertain.
    """
    campaign, platform = standard_literal(campaign_id), standard_literal(destination)
    of_campaign = f"campaign_id = {campaign} and platform = {platform}"
    others = {"of_campaign": of_campaign, "without_export": standard_literal(without_export)}
    run = snapshot.connection.execute
    email = _if_recorded(snapshot, EXPORT_RECORDS, "email", "arg_max_null(email, acknowledged_at)")
    run(_ACKNOWLEDGED.format(email=email, **others))
    attempted = _if_recorded(snapshot, EXPORT_ATTEMPTS, "email", "arg_max(email, attempted_at)")
    run(_UNCERTAIN.format(attempted_email=attempted, **others))
    run(_THERE)
    field_hashes = _if_recorded(snapshot, EXPORT_RECORDS, "field_hashes", "field_hashes")
    run(_ACKNOWLEDGED_FIELDS.format(field_hashes=field_hashes, **others))
    is_permanent = _if_recorded(snapshot, EXPORT_RECORDS, "is_permanent", "is_permanent")
    run(REJECTED_BEFORE.format(of_campaign=of_campaign, is_permanent=is_permanent))
    run(DEAD_LETTERS)
    begun = run(_BEGUN.format(of_campaign=of_campaign)).fetchall()
    return DestinationState(
        customers=run("select count(*) from there").fetchall()[0][0],
        finished=run(f"select count(*) from ops.exports where {of_campaign}").fetchall()[0][0],  # noqa: S608 - literals are quoted
        unfinished=tuple(export_id for export_id, _, is_finished in begun if not is_finished),
        newest_at=max((moment for _, moment, _ in begun if moment), default=None),
    )


@dataclass(frozen=True)
class RecordedActions:
    """How many customers an export has recorded so far, by action. Rejected customers are not at the destination."""

    actions: Mapping[str, int]

    @property
    def total(self) -> int:
        """Number of customers."""
        return sum(self.actions.values())

    def count(self, action: str) -> int:
        """Number of customers with that action."""
        return self.actions.get(action, 0)


def recorded_actions(snapshot: Snapshot, export_id: str) -> RecordedActions:
    """What the export has recorded, also when its process was killed."""
    rows = snapshot.connection.execute(
        "select action, count(distinct customer_id) from ops.export_records"  # noqa: S608 - a literal
        f" where export_id = {standard_literal(export_id)} group by action"
    ).fetchall()
    return RecordedActions(dict(rows))


def _if_recorded(snapshot: Snapshot, table: TableRef, column: str, expression: str) -> str:
    """The expression over a column, or null for a table that was written before the column was recorded."""
    found = snapshot.connection.execute(f"describe {table}").fetchall()
    return expression if any(name == column for name, *_ in found) else "null"
