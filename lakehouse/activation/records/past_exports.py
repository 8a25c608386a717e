"""What past exports of a campaign to a destination have shown: how large they were, how fast, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lakehouse.activation.planning.estimate import ROWS_PER_SECOND, SETTLING_SECONDS, Pace
from lakehouse.activation.ready import ready_at
from lakehouse.storage.duckdb_views import Snapshot

_LIMIT = 10
_ROWS_FOR_PACE = 1_000  # a smaller export says nothing about speed
_QUERY = """
    select
        export_id,
        status,
        finished_at,
        epoch(finished_at) - epoch(started_at) as seconds,
        count_audience,
        count_exported,
        count_rejected
    from ops.exports
    where campaign_id = ? and platform = ? and count_audience > 0
    order by finished_at desc
    limit ?
"""


@dataclass(frozen=True)
class PastExport:
    """One export, of those that had an audience.

    Attributes:
        seconds: from its first to its last call.
        settling_seconds: from then until the platform showed what was sent; None when that is not known.
    """

    export_id: str
    is_success: bool
    seconds: float
    audience: int
    exported: int
    rejected: int
    settling_seconds: float | None = None


def past_exports(snapshot: Snapshot, campaign_id: str, platform: str, folder: Path) -> list[PastExport]:
    """The newest exports, newest first; `folder` holds the campaign's exports to the destination."""
    rows = snapshot.connection.execute(_QUERY, [campaign_id, platform, _LIMIT]).fetchall()
    found = []
    for export_id, status, finished_at, seconds, audience, exported, rejected in rows:
        shown = ready_at(folder / export_id)
        settling = None if shown is None else max(0.0, (shown - finished_at).total_seconds())
        found.append(
            PastExport(export_id, status == "success", seconds, audience, exported, rejected, settling),
        )
    return found


def pace_of(past: Sequence[PastExport], readiness: str) -> Pace:
    """How fast exports went; `readiness` says what to assume of a platform until one was seen to be ready."""
    speeds = [one.exported / one.seconds for one in past if one.exported >= _ROWS_FOR_PACE and one.seconds > 0]
    settled = [one.settling_seconds for one in past if one.settling_seconds is not None]
    return Pace(
        rows_per_second=median(speeds) if speeds else ROWS_PER_SECOND,
        settling_seconds=median(settled) if settled else SETTLING_SECONDS[readiness],
    )
