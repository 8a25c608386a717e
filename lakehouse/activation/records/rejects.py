"""Whom platforms refused, and that some are to be tried again: read and recorded without an engine."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lakehouse.activation.records.dead_letters import EXPORT_REPLAYS
from lakehouse.activation.records.destination_state import EXPORT_RECORDS, EXPORTS
from lakehouse.errors import TerminalError
from lakehouse.storage.duckdb_views import Snapshot, open_snapshot
from lakehouse.storage.ops_tables import record

_NAMED = 3
_ALL = 1_000_000_000
# The newest word about each customer of a campaign at its account; a rejection that was followed by an acceptance is
# over.
_REJECTS = """
    with newest as (
        select
            campaign_id, platform, customer_id, {reason}::varchar as reason, export_id, action,
            coalesce({is_permanent}::boolean, false) as is_permanent
        from ops.export_records as records
        inner join (select export_id, finished_at from ops.exports) using (export_id)
        where coalesce(campaign_id = $campaign_id, true)
        qualify
            row_number() over (
                partition by campaign_id, platform, customer_id order by finished_at desc, records.export_id desc
            ) = 1
    )

    select campaign_id, platform, customer_id, reason, export_id, is_permanent, {is_replayed} as is_replayed
    from newest
    where action = 'rejected'
    order by campaign_id, platform, customer_id
    limit $most
"""
_IS_REPLAYED = "(export_id, customer_id) in (select (export_id, customer_id) from ops.export_replays)"


@dataclass(frozen=True)
class Reject:
    """A customer whom a platform did not take when it was asked last.

    Attributes:
        export_id: the export that asked.
        is_permanent: the platform would refuse the same payload again.
        is_replayed: somebody wants it to be tried again all the same.
    """

    campaign_id: str
    platform: str
    customer_id: str
    reason: str | None
    export_id: str
    is_permanent: bool = False
    is_replayed: bool = False

    @property
    def is_dead(self) -> bool:
        """Whether exports do not try it again until the customer's payload changes."""
        return self.is_permanent and not self.is_replayed


class NotDeadLettersError(TerminalError):
    """Somebody wants to replay what is no dead letter."""

    def __init__(self, campaign_id: str, customers: Sequence[str]) -> None:
        named = ", ".join(customers[:_NAMED]) + (" ..." if len(customers) > _NAMED else "")
        super().__init__(
            f"{len(customers)} customers are not refused for good in campaign {campaign_id} (first: {named})",
            f"`lakehouse exports rejects --campaign {campaign_id}` lists who is. All others are tried again by the next"
            " export anyway.",
        )


def rejects(lake: str, campaign_id: str | None = None, most: int = 1000) -> list[Reject]:
    """Customers whom a platform refused when it was asked last, at most `most`."""
    with open_snapshot([], lake, optional=[EXPORTS, EXPORT_RECORDS, EXPORT_REPLAYS]) as snapshot:
        if not {EXPORTS, EXPORT_RECORDS} <= snapshot.versions.keys():
            return []
        columns = _columns(snapshot)
        query = _REJECTS.format(
            **{name: name if name in columns else "null" for name in ("reason", "is_permanent")},
            is_replayed=_IS_REPLAYED if EXPORT_REPLAYS in snapshot.versions else "false",
        )
        rows = snapshot.connection.execute(query, {"campaign_id": campaign_id, "most": most}).fetchall()
        return [Reject(*row) for row in rows]


def replay(lake: str, campaign_id: str, customers: Sequence[str] | None, reason: str) -> int:
    """Have the next export of a campaign try dead letters again, on all its platforms, although their payload is the
    same.

    Args:
        lake: root of the lake.
        campaign_id: the campaign.
        customers: their ids; None for all.
        reason: why, kept in ops.export_replays.

    Returns:
        How many are tried again because of this call; those that were replayed before are left alone.

    Raises:
        NotDeadLettersError: one of the customers is not refused for good.
        TerminalError: the reason is empty.
    """
    if not reason.strip():
        raise TerminalError("the reason is empty", "Say with --reason why they may be taken now.")
    permanent = [one for one in rejects(lake, campaign_id, _ALL) if one.is_permanent]
    unknown = sorted(set(customers or ()) - {one.customer_id for one in permanent})
    if unknown:
        raise NotDeadLettersError(campaign_id, unknown)
    wanted = None if customers is None else set(customers)
    chosen = [one for one in permanent if one.is_dead and (wanted is None or one.customer_id in wanted)]
    common = {
        "campaign_id": campaign_id,
        "reason": reason.strip(),
        "replayed_by": getpass.getuser(),
        "replayed_at": datetime.now(UTC),
    }
    rows = [
        common | {"export_id": one.export_id, "platform": one.platform, "customer_id": one.customer_id}
        for one in chosen
    ]
    record(EXPORT_REPLAYS.name, rows, lake)
    return len(rows)


def _columns(snapshot: Snapshot) -> set[str]:
    """Columns of the records: those of earlier versions of this project have fewer."""
    return {name for name, *_ in snapshot.connection.execute("describe ops.export_records").fetchall()}
