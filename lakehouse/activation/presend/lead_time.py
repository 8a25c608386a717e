"""How long before its send the run of a campaign has to begin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from lakehouse.activation.accounts.declared import OUTBOX, Account, load_accounts
from lakehouse.activation.accounts.limits import limits_of
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.planning.estimate import SETTLING_SECONDS, Pace, Part, estimate
from lakehouse.storage.duckdb_views import Snapshot, open_snapshot
from lakehouse.tables import ops

WITHOUT_HISTORY = timedelta(hours=1)
MARGIN = 1.5
RECENT = 5
# What a customer takes in a body until somebody has measured it.
_ROW_BYTES = 1_000
# Without the time that an approval waited for somebody, which is between the export and what was before it.
_DURATIONS = f"""
    select
        epoch(max(runs.finished_at) filter (not {{sends}})) - epoch(min(runs.started_at))
        + epoch(max(runs.finished_at) filter ({{sends}})) - epoch(min(runs.started_at) filter ({{sends}}))
    from ops.runs as runs
    where
        runs.run_id in (
            select run_id from ops.send_requests where campaign_id = ? and not is_dry_run
        )
    group by runs.run_id
    having
        bool_or(runs.stage = 'export' and runs.status <> 'failed')
        and count(*) filter (not {{sends}}) > 0
    order by min(runs.started_at) desc
    limit {RECENT}
""".format(sends="runs.stage in ('export', 'ready')")  # noqa: S608 - constants only
# Who is at a destination if everybody of the last audience is sent.
_ROWS = """
    select platform, max_by(count_added + count_changed + count_unchanged, finished_at)
    from ops.exports
    where campaign_id = ? and count_audience > 0
    group by platform
"""


def lead_time(durations: Sequence[timedelta], at_limits: timedelta, ready_before: timedelta) -> timedelta:
    """How long before the send a run has to begin.

    Args:
        durations: how long past runs took, newest first; without any, an hour is assumed.
        at_limits: how long everybody takes at the limits of the destinations.
        ready_before: how long before the send everything has to be there.
    """
    measured = max(durations[:RECENT], default=WITHOUT_HISTORY / MARGIN) * MARGIN
    return measured + at_limits + ready_before


def time_at_limits(rows: int, account: Account | None) -> timedelta:
    """How long so many customers take at the limits of a destination; `account` is None for the outbox."""
    limits = None if account is None else limits_of(account)
    pace = Pace() if limits is None else Pace(settling_seconds=SETTLING_SECONDS[limits.readiness])
    size = Part(rows, rows * _ROW_BYTES)
    needed = estimate(Part(), size, 1 if limits is None else limits.rows_per_call, limits, pace)
    return timedelta(seconds=needed.seconds + needed.settling_seconds)


def lead_time_of(chosen: Campaign, lake: str) -> timedelta:
    """The lead time of a campaign, from what its runs have left in the lake. Destinations follow each other."""
    accounts = load_accounts()
    tables = [ops("runs"), ops("send_requests"), ops("exports")]
    with open_snapshot([], lake, optional=tables) as snapshot:
        durations = _durations(snapshot, chosen.id)
        rows = _rows(snapshot, chosen.id)
    needed = [
        time_at_limits(rows.get(name, 0), None if name == OUTBOX else accounts[name]) for name in chosen.destinations
    ]
    return lead_time(durations, sum(needed, timedelta()), timedelta(minutes=chosen.ready_minutes_before))


def _durations(snapshot: Snapshot, campaign_id: str) -> list[timedelta]:
    if not {ops("runs"), ops("send_requests")} <= snapshot.versions.keys():
        return []
    found = snapshot.connection.execute(_DURATIONS, [campaign_id]).fetchall()
    return [timedelta(seconds=seconds) for (seconds,) in found]


def _rows(snapshot: Snapshot, campaign_id: str) -> dict[str, int]:
    if ops("exports") not in snapshot.versions:
        return {}
    return dict(snapshot.connection.execute(_ROWS, [campaign_id]).fetchall())
