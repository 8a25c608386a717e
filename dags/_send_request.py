"""The trigger form of pre_send_refresh: what a person, a program or the calendar asks to be sent."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from dags._common import PARAMS
from lakehouse.activation.campaigns.declared import load_campaigns

FIELDS = ("send_at", "destinations", "freshness", "dry_run", "reason")


def form() -> dict[str, Any]:
    """The fields by name; those with null may be left empty, and are then as conf/campaigns.yml says."""
    declared = load_campaigns()
    destinations = list(dict.fromkeys(name for each in declared.values() for name in each.destinations))
    return {
        "campaign_id": Param(
            None,
            type="string",
            enum=list(declared),
            title="Campaign",
            description="A campaign of conf/campaigns.yml.",
        ),
        "send_at": Param(
            None,
            type=["null", "string"],
            title="Send time",
            description="Local time and time zone of the send, e.g. 2018-01-05 09:00 Europe/Berlin. Empty: as the"
            " campaign says. A time before the as-of moment is refused.",
        ),
        "destinations": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "enum": destinations},
            examples=destinations,
            title="Destinations",
            description="Some of the campaign's destinations. Empty: all of them.",
        ),
        "freshness": Param(
            None,
            type=["null", "array"],
            items={"type": "string"},
            title="Freshness",
            description="How old the data of a source may be, one a line, e.g. crm=6h. Empty: as the campaign says.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Refresh, plan and preview; send nothing.",
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            maxLength=500,
            title="Reason",
            description="Why this run is needed. It is kept in ops.send_requests.",
        ),
        **PARAMS,
    }
