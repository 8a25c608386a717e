"""The campaign calendar: which runs of pre_send_refresh are to begin now, and which sends nobody refreshed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakehouse.activation.campaigns.declared import load_campaigns
from lakehouse.activation.presend.lead_time import lead_time_of
from lakehouse.activation.presend.recorded import SEND_REQUESTS
from lakehouse.config.settings import settings
from lakehouse.errors import TerminalError
from lakehouse.storage.duckdb_views import open_snapshot

DAG_ID = "pre_send_refresh"
# A send that was missed is told for so long.
LOOKS_BACK = timedelta(days=1)


@dataclass(frozen=True)
class Send:
    """One send of a campaign; `lead_time` is how long before it its run has to begin."""

    campaign_id: str
    send_at: datetime
    lead_time: timedelta

    @property
    def begins_at(self) -> datetime:
        """When its run is to begin."""
        return self.send_at - self.lead_time

    @property
    def run_id(self) -> str:
        """Id of its run in Airflow, made of campaign and time: a second one is refused."""
        return f"calendar__{self.campaign_id}__{self.send_at:%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True)
class Due:
    """What a look at the calendar finds.

    Attributes:
        begin: sends whose run begins now.
        late: some of them, whose run should have begun before the last look.
        missed: sends that were due since the last look, and that no run was for.
    """

    begin: tuple[Send, ...]
    late: tuple[Send, ...]
    missed: tuple[Send, ...]


class MissedSendError(TerminalError):
    """The time of a send has come, and no run was for it."""

    def __init__(self, sends: Sequence[Send], now: datetime) -> None:
        super().__init__(
            f"nothing was refreshed for {'; '.join(told(send, now) for send in sends)}",
            "Stop the send, or send to who was exported before. To refresh it, put a later send_at in campaigns.yml, or"
            " trigger pre_send_refresh with a later send time.",
        )


def due(sends: Iterable[Send], begun: Set[str], looked_at: datetime, now: datetime) -> Due:
    """What is due now.

    Args:
        sends: all sends of the calendar.
        begun: ids of runs that have begun.
        looked_at: when somebody looked before.
        now: the moment.
    """
    since = max(looked_at, now - LOOKS_BACK)
    opened = sorted((send for send in sends if send.run_id not in begun), key=lambda send: send.send_at)
    begin = tuple(send for send in opened if send.begins_at <= now < send.send_at)
    return Due(
        begin=begin,
        late=tuple(send for send in begin if send.begins_at < since),
        missed=tuple(send for send in opened if since < send.send_at <= now),
    )


def look(looked_at: datetime, now: datetime) -> Due:
    """What of campaigns.yml is due now. Raises ConfigurationError when it is not valid."""
    lake, oldest = settings().lake, now - LOOKS_BACK
    sends = [
        Send(each.id, each.send_at, lead_time_of(each, lake))
        for each in load_campaigns().values()
        if each.send_at > oldest
    ]
    return due(sends, _begun(lake), looked_at, now)


def _begun(lake: str) -> frozenset[str]:
    """Ids of the runs that took a request up, as Airflow has them."""
    with open_snapshot([], lake, optional=[SEND_REQUESTS]) as snapshot:
        if SEND_REQUESTS not in snapshot.versions:
            return frozenset()
        found = snapshot.connection.execute("select distinct run_id from ops.send_requests").fetchall()
    return frozenset(run_id.removeprefix(f"{DAG_ID}.") for (run_id,) in found)


def told(send: Send, now: datetime) -> str:
    """A send in words: when its run was to begin, and how much time is left."""
    left = send.send_at - now
    minutes = abs(int(left.total_seconds() // 60))
    when = f"{minutes} minutes {'are left' if left > timedelta() else 'ago'}"
    return (
        f"campaign {send.campaign_id} is sent at {_utc(send.send_at)} ({when});"
        f" its run was to begin at {_utc(send.begins_at)}"
    )


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
