"""The stage `request`, and the way back: which request a run works for, and the campaign as it asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lakehouse.activation.campaigns.declared import Campaign, campaign
from lakehouse.activation.campaigns.references import CampaignReferences
from lakehouse.activation.presend.request import SendRequest, limit_texts, read_limits, read_request
from lakehouse.config.feeds import source_names
from lakehouse.config.settings import settings
from lakehouse.outcome import TableOutcome
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.storage.ops_tables import record
from lakehouse.tables import ops
from lakehouse.window import BatchWindow, is_about_now

SEND_REQUESTS = ops("send_requests")
_OF_RUN = """
    select campaign_id, send_at, destinations, freshness, is_dry_run, reason, requested_at
    from ops.send_requests
    where run_id = ?
    order by requested_at desc
    limit 1
"""


def receive_request(
    target: str, window: BatchWindow, form: Mapping[str, Any], allows_past: bool = False
) -> list[TableOutcome]:
    """Check what a run is asked to send of campaign `target` and note it; the newest note of a run counts.

    Raises ConfigurationError as `read_request` does, and for a campaign that is not declared.
    """
    now = datetime.now(UTC)
    asked = checked_request(campaign(target), window.as_of, now, form, allows_past)
    row = {
        "run_id": window.run_id,
        "campaign_id": asked.campaign_id,
        "send_at": asked.send_at,
        "destinations": list(asked.destinations),
        "freshness": limit_texts(asked.freshness),
        "is_dry_run": asked.is_dry_run,
        "reason": asked.reason,
        "requested_at": now,
    }
    record(SEND_REQUESTS.name, [row], settings().lake)
    return [TableOutcome(SEND_REQUESTS, read=1, loaded=1, notes=(_told(asked),))]


def checked_request(
    declared: Campaign, as_of: datetime, now: datetime, form: Mapping[str, Any], allows_past: bool = False
) -> SendRequest:
    """What is asked for of a run that looks back from `as_of`. Raises ConfigurationError as `read_request` does."""
    # A run may have waited in a queue until the send was over.
    earliest = max(as_of, now) if is_about_now(as_of, now) else as_of
    return read_request(form, declared, source_names(), earliest, allows_past)


def request_of(run_id: str, lake: str) -> SendRequest | None:
    """What a run was asked to send; None when nobody asked, and the campaign's own declaration counts."""
    with open_snapshot([], lake, optional=[SEND_REQUESTS]) as snapshot:
        if SEND_REQUESTS not in snapshot.versions:
            return None
        row = snapshot.connection.execute(_OF_RUN, [run_id]).fetchone()
    if row is None:
        return None
    campaign_id, send_at, destinations, freshness, is_dry, reason, asked_at = row
    limits, sent, asked = read_limits(freshness), send_at.astimezone(UTC), asked_at.astimezone(UTC)
    return SendRequest(campaign_id, sent, tuple(destinations), limits, is_dry, reason, asked)


def requested_campaign(
    target: str, run_id: str, lake: str, references: CampaignReferences | None = None
) -> tuple[Campaign, SendRequest]:
    """A campaign (or one of its destinations: `<id>@<destination>`) with the send time that a run was asked for, and
    the request, of that destination alone; without a request, as it is declared.

    Raises ConfigurationError as `campaign` does.
    """
    declared = campaign(target, references)
    plain = SendRequest(declared.id, declared.send_at, declared.destinations, {}, is_dry_run=False, reason="")
    asked = request_of(run_id, lake) or plain
    meant = (declared.destination,) if "@" in target else declared.destinations
    still_there = tuple(name for name in asked.destinations if name in meant)
    return declared.at(asked.send_at), replace(asked, destinations=still_there)


def is_dry_run(run_id: str, lake: str) -> bool:
    """Whether a run was asked to send nothing."""
    asked = request_of(run_id, lake)
    return asked is not None and asked.is_dry_run


def _told(asked: SendRequest) -> str:
    limits = f", freshness {', '.join(limit_texts(asked.freshness))}" if asked.freshness else ""
    dry = "dry run, nothing is sent: " if asked.is_dry_run else ""
    return f"{dry}send at {asked.send_at:%Y-%m-%d %H:%M} UTC to {', '.join(asked.destinations)}{limits}"
