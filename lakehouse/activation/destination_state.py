"""What a destination has of a campaign, as far as the lake knows.

From the newest acknowledged rows in ops.export_records, and from delivery intents in ops.export_attempts that nothing
acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime

from lakehouse.contracts import OPS_TABLES, arrow_schema
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.tables import ops

EXPORTS = ops("exports")
EXPORT_RECORDS = ops("export_records")
EXPORT_ATTEMPTS = ops("export_attempts")
HOLDOUTS = ops("holdouts")
REPAIRS = ops("repairs")
STATE_TABLES = (EXPORTS, EXPORT_RECORDS, EXPORT_ATTEMPTS, HOLDOUTS, REPAIRS)

_OF_CAMPAIGN = "campaign_id = $campaign_id and platform = $platform"
_FINISHED = f"select count(*) from ops.exports where {_OF_CAMPAIGN}"  # noqa: S608 - constants only
_ACKNOWLEDGED = f"""
    select customer_id, arg_max(action, acknowledged_at), arg_max(payload_hash, acknowledged_at)
    from ops.export_records
    where {_OF_CAMPAIGN} and acknowledged_at is not null and export_id <> $without_export
    group by customer_id
"""  # noqa: S608 - constants only
# An intent is settled by a later acknowledgement, or by a rejection if it was the export's only one for the customer:
# when an export that was killed is resumed, the destination may reject the second delivery although it took the first.
_UNSETTLED = f"""
    with
    intents as (
        select export_id, customer_id, max(attempted_at) as attempted_at, count(*) as count_intents
        from ops.export_attempts
        where {_OF_CAMPAIGN} and export_id <> $without_export
        group by export_id, customer_id
    ),

    acknowledged as (
        select customer_id, max(acknowledged_at) as acknowledged_at
        from ops.export_records
        where {_OF_CAMPAIGN} and export_id <> $without_export and acknowledged_at is not null
        group by customer_id
    ),

    rejected as (select export_id, customer_id from ops.export_records where action = 'rejected')

    select distinct intents.customer_id
    from intents
    left join acknowledged
        on intents.customer_id = acknowledged.customer_id and intents.attempted_at < acknowledged.acknowledged_at
    left join rejected
        on
            intents.export_id = rejected.export_id
            and intents.customer_id = rejected.customer_id
            and intents.count_intents = 1
    where acknowledged.customer_id is null and rejected.customer_id is null
"""  # noqa: S608 - constants only
_BEGUN = f"""
    with moments as (
        select export_id, acknowledged_at as moment from ops.export_records where {_OF_CAMPAIGN}
        union all
        select export_id, attempted_at from ops.export_attempts where {_OF_CAMPAIGN}
    )

    select export_id, max(moment), export_id in (select export_id from ops.exports)
    from moments
    group by export_id
    order by export_id
"""  # noqa: S608 - constants only


@dataclass(frozen=True)
class DestinationState:
    """One campaign at one destination, as recorded.

    Attributes:
        hashes: payload hash by customer who is at the destination.
        uncertain: customers whom a delivery may or may not have reached.
        finished: number of exports that have a row in ops.exports.
        unfinished: ids of exports that began to send but have no such row, because their process was killed.
        newest_at: time of the newest delivery intent or acknowledgement.
    """

    hashes: Mapping[str, str]
    uncertain: Set[str]
    finished: int
    unfinished: tuple[str, ...]
    newest_at: datetime | None

    @property
    def customers(self) -> Set[str]:
        """Everybody who is or may be at the destination."""
        return self.hashes.keys() | self.uncertain

    @property
    def certain_hashes(self) -> Mapping[str, str]:
        """Payload hash by customer whose payload at the destination is known for certain."""
        return {customer_id: found for customer_id, found in self.hashes.items() if customer_id not in self.uncertain}

    def after_closing(self, count: int) -> DestinationState:
        """The state once `count` unfinished exports have been given their row in ops.exports."""
        return replace(self, finished=self.finished + count, unfinished=() if count else self.unfinished)


@dataclass(frozen=True)
class RecordedActions:
    """What one export has recorded so far: action by customer. Rejected customers are not at the destination."""

    actions: Mapping[str, str]

    @property
    def rejected(self) -> int:
        """Number of customers that the destination rejected."""
        return self.count("rejected")

    def count(self, action: str) -> int:
        """Number of customers with that action."""
        return sum(found == action for found in self.actions.values())


def add_missing_tables(snapshot: Snapshot) -> None:
    """Add an empty view for each state table that no export has written yet, so that queries need not check for it."""
    snapshot.connection.execute("create schema if not exists ops")
    for table in STATE_TABLES:
        if table not in snapshot.versions:
            snapshot.connection.register(
                f"_no_{table.name}", arrow_schema(OPS_TABLES[table.name].columns).empty_table()
            )
            snapshot.connection.execute(f"create view {table} as select * from _no_{table.name}")  # noqa: S608 - TableRef allows identifiers only


def destination_state(
    snapshot: Snapshot, campaign_id: str, destination: str, without_export: str = ""
) -> DestinationState:
    """State of the campaign at the destination.

    `without_export` leaves out what that export did: the state before it, so that it is planned again as it was.
    """
    campaign = {"campaign_id": campaign_id, "platform": destination}
    others = campaign | {"without_export": without_export}
    query = snapshot.connection.execute
    finished: int = query(_FINISHED, campaign).fetchall()[0][0]
    acknowledged = query(_ACKNOWLEDGED, others).fetchall()
    unsettled = query(_UNSETTLED, others).fetchall()
    begun = query(_BEGUN, campaign).fetchall()
    return DestinationState(
        hashes={customer_id: payload_hash for customer_id, action, payload_hash in acknowledged if action != "removed"},
        uncertain=frozenset(customer_id for (customer_id,) in unsettled),
        finished=finished,
        unfinished=tuple(export_id for export_id, _, is_finished in begun if not is_finished),
        newest_at=max((moment for _, moment, _ in begun if moment), default=None),
    )


def recorded_actions(snapshot: Snapshot, export_id: str) -> RecordedActions:
    """What the export has recorded, also when its process was killed."""
    rows = snapshot.connection.execute(
        "select customer_id, action from ops.export_records where export_id = ?", [export_id]
    ).fetchall()
    return RecordedActions(dict(rows))
