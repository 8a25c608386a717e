"""What the platform has, as far as the lake knows: from the newest acknowledged rows in ops.export_records, and from
attempts that nothing acknowledged in ops.export_attempts. Export state lives in the lake."""

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
STATE_TABLES = (EXPORTS, EXPORT_RECORDS, EXPORT_ATTEMPTS)

# An attempt is settled by a later acknowledgement, or by the refusal of the only try: a second try of an export that
# was killed may be refused although the platform took the first.
_UNSETTLED = """
    with attempts as (
        select export_id, customer_id, max(attempted_at) as attempted_at, count(*) as tries
        from ops.export_attempts
        where campaign_id = $campaign_id and platform = $platform and export_id <> $without_export
        group by export_id, customer_id
    ),

    acknowledged as (
        select customer_id, max(acknowledged_at) as acknowledged_at
        from ops.export_records
        where campaign_id = $campaign_id and platform = $platform and export_id <> $without_export and acknowledged_at is not null
        group by customer_id
    ),

    refused as (select export_id, customer_id from ops.export_records where action = 'rejected')

    select distinct attempts.customer_id
    from attempts
    left join acknowledged on attempts.customer_id = acknowledged.customer_id and attempts.attempted_at < acknowledged.acknowledged_at
    left join refused on attempts.export_id = refused.export_id and attempts.customer_id = refused.customer_id and attempts.tries = 1
    where acknowledged.customer_id is null and refused.customer_id is null
"""


@dataclass(frozen=True)
class PlatformState:
    """One campaign on one platform, as recorded.

    `hashes`: payload hash by customer who is on the platform. `uncertain`: customers a delivery may have reached or
    not. `finished`: exports that have a row in ops.exports. `unfinished`: ids of exports that began to send but have no
    such row, because their process was killed. `newest_at`: newest attempt or acknowledgement.
    """

    hashes: Mapping[str, str]
    uncertain: Set[str]
    finished: int
    unfinished: tuple[str, ...]
    newest_at: datetime | None

    @property
    def customers(self) -> Set[str]:
        """Everybody who is or may be on the platform."""
        return self.hashes.keys() | self.uncertain

    @property
    def settled(self) -> Mapping[str, str]:
        """Payload hash by customer whose payload on the platform is known."""
        return {customer_id: found for customer_id, found in self.hashes.items() if customer_id not in self.uncertain}

    def after(self, closed: int) -> PlatformState:
        """The state once `closed` unfinished exports have been given their row."""
        return replace(self, finished=self.finished + closed, unfinished=() if closed else self.unfinished)


@dataclass(frozen=True)
class Done:
    """What one export has done so far: action by customer; `rejected` customers are not on the platform."""

    actions: Mapping[str, str]

    @property
    def rejected(self) -> int:
        return sum(action == "rejected" for action in self.actions.values())

    def count(self, action: str) -> int:
        return sum(found == action for found in self.actions.values())


def fill_in_missing(snapshot: Snapshot) -> None:
    """Give tables that no export has written yet an empty stand-in, so that nobody has to ask whether they are
    there."""
    snapshot.connection.execute("create schema if not exists ops")
    for table in STATE_TABLES:
        if table not in snapshot.versions:
            snapshot.connection.register(
                f"_no_{table.name}", arrow_schema(OPS_TABLES[table.name].columns).empty_table()
            )
            snapshot.connection.execute(f"create view {table} as select * from _no_{table.name}")  # noqa: S608 - TableRef allows identifiers only


def platform_state(snapshot: Snapshot, campaign_id: str, platform: str, without_export: str = "") -> PlatformState:
    """State of the campaign on the platform; `without_export` leaves out what that export did, to plan it again as it
    was planned."""
    ours = {"campaign_id": campaign_id, "platform": platform}
    found = snapshot.connection.execute(
        "select count(*) from ops.exports where campaign_id = $campaign_id and platform = $platform", ours
    ).fetchall()
    finished: int = found[0][0]
    records = snapshot.connection.execute(
        """
        select customer_id, arg_max(action, acknowledged_at), arg_max(payload_hash, acknowledged_at)
        from ops.export_records
        where campaign_id = $campaign_id and platform = $platform and acknowledged_at is not null and export_id <> $without_export
        group by customer_id
        """,
        ours | {"without_export": without_export},
    ).fetchall()
    hashes = {customer_id: payload_hash for customer_id, action, payload_hash in records if action != "removed"}
    unsettled = snapshot.connection.execute(_UNSETTLED, ours | {"without_export": without_export}).fetchall()
    uncertain = frozenset(customer_id for (customer_id,) in unsettled)
    return PlatformState(hashes, uncertain, finished, *_begun(snapshot, ours))


def done_by(snapshot: Snapshot, export_id: str) -> Done:
    """What the export has recorded, also when its process was killed."""
    rows = snapshot.connection.execute(
        "select customer_id, action from ops.export_records where export_id = ?", [export_id]
    ).fetchall()
    return Done(dict(rows))


def _begun(snapshot: Snapshot, ours: Mapping[str, str]) -> tuple[tuple[str, ...], datetime | None]:
    """Exports without a row in ops.exports, in order, and the newest moment on record."""
    rows = snapshot.connection.execute(
        """
        with moments as (
            select export_id, acknowledged_at as moment from ops.export_records where campaign_id = $campaign_id and platform = $platform
            union all
            select export_id, attempted_at from ops.export_attempts where campaign_id = $campaign_id and platform = $platform
        )

        select export_id, max(moment), export_id in (select export_id from ops.exports) from moments group by export_id order by export_id
        """,
        ours,
    ).fetchall()
    newest = max((moment for _, moment, _ in rows if moment), default=None)
    return tuple(export_id for export_id, _, is_closed in rows if not is_closed), newest
