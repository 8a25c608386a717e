"""Sources that are gone from sources.yml although nobody decided so: what they would have refused is not known."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.errors import ExportRefusedError
from lakehouse.landing.vanished_feeds import VanishedFeed


def vanished_error(campaign: Campaign, vanished: Sequence[VanishedFeed]) -> ExportRefusedError:
    """Why nothing was sent: sources that delivered are declared no more."""
    last = {feed.source: max(each.last_at for each in vanished if each.source == feed.source) for feed in vanished}
    said = [
        f"source {source} delivered {_listed(source, vanished)} until {at:%Y-%m-%d} and is declared no more"
        for source, at in last.items()
    ]
    return ExportRefusedError(
        campaign.id,
        campaign.destination,
        "; ".join(said),
        "Declare it in sources.yml again. If it was taken out on purpose, say so: `lakehouse sources retire NAME` takes"
        " its rows out, `lakehouse sources retire NAME --keep-rows` keeps them, `lakehouse sources rename OLD NEW` goes"
        " on under another name. Customers who must not be written to were removed.",
    )


def _listed(source: str, vanished: Sequence[VanishedFeed]) -> str:
    return " and ".join(sorted({feed.dataset for feed in vanished if feed.source == source}))
