"""What the platform is known to have: the newest acknowledged row per customer in ops.export_records. Export state lives in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lakehouse.snapshot import Snapshot
from lakehouse.tables import ops

EXPORTS = ops("exports")
EXPORT_RECORDS = ops("export_records")


@dataclass(frozen=True)
class PlatformState:
    """One campaign on one platform, as recorded.

    `hashes`: payload hash by customer who is on the platform. `finished`: exports that have a row in ops.exports.
    `unfinished`: ids of exports that sent something but have no such row, because their process was killed.
    """

    hashes: Mapping[str, str]
    finished: int
    unfinished: tuple[str, ...]
    newest_acknowledged_at: datetime | None

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


def platform_state(snapshot: Snapshot, campaign_id: str, platform: str, without_export: str = "") -> PlatformState:
    """State of the campaign on the platform; `without_export` leaves out what that export did, to plan it again as it was planned."""
    finished = 0
    if EXPORTS in snapshot.versions:
        rows = snapshot.connection.execute("select count(*) from ops.exports where campaign_id = ? and platform = ?", [campaign_id, platform]).fetchall()
        finished = rows[0][0]
    if EXPORT_RECORDS not in snapshot.versions:
        return PlatformState({}, finished, (), None)
    records = snapshot.connection.execute(
        """
        select customer_id, arg_max(action, acknowledged_at), arg_max(payload_hash, acknowledged_at)
        from ops.export_records
        where campaign_id = ? and platform = ? and acknowledged_at is not null and export_id <> ?
        group by customer_id
        """,
        [campaign_id, platform, without_export],
    ).fetchall()
    hashes = {customer_id: payload_hash for customer_id, action, payload_hash in records if action != "removed"}
    newest = snapshot.connection.execute(
        "select max(acknowledged_at) from ops.export_records where campaign_id = ? and platform = ?", [campaign_id, platform]
    ).fetchall()[0][0]
    return PlatformState(hashes, finished, _unfinished(snapshot, campaign_id, platform), newest)


def done_by(snapshot: Snapshot, export_id: str) -> Done:
    """What the export has recorded, also when its process was killed."""
    if EXPORT_RECORDS not in snapshot.versions:
        return Done({})
    rows = snapshot.connection.execute("select customer_id, action from ops.export_records where export_id = ?", [export_id]).fetchall()
    return Done(dict(rows))


def _unfinished(snapshot: Snapshot, campaign_id: str, platform: str) -> tuple[str, ...]:
    closed = "and export_id not in (select export_id from ops.exports)" if EXPORTS in snapshot.versions else ""
    rows = snapshot.connection.execute(
        f"select distinct export_id from ops.export_records where campaign_id = ? and platform = ? {closed} order by export_id",  # noqa: S608
        [campaign_id, platform],
    ).fetchall()
    return tuple(export_id for (export_id,) in rows)
