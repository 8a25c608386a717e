"""Until when everything has to be ready at the destination."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.window import BatchWindow, is_about_now


def deadline_for(chosen: Campaign, window: BatchWindow) -> datetime | None:
    """When everything has to be ready that a run sends of a campaign; None as `deadline_of` says."""
    margin = timedelta(minutes=chosen.ready_minutes_before)
    return deadline_of(chosen.send_at, margin, window.as_of, datetime.now(UTC))


def deadline_of(send_at: datetime, margin: timedelta, as_of: datetime, now: datetime) -> datetime | None:
    """`margin` before the send; None for a run about another time than now, and for a send that was over when it
    began."""
    if not is_about_now(as_of, now) or send_at <= as_of:
        return None
    return send_at - margin
