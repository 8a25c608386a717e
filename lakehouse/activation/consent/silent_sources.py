"""Sources of consents that stopped delivering: their silence must not pass for consent."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.consent.late_refusals import CONSENTS
from lakehouse.config.feeds import feeds
from lakehouse.config.settings import Settings
from lakehouse.errors import ExportRefusedError
from lakehouse.landing.source_history import SourceHistory
from lakehouse.storage.duckdb_views import open_snapshot


@dataclass(frozen=True)
class Silence:
    """What an export has to say about silent sources, and whether it may send all the same."""

    warnings: tuple[str, ...]
    is_blocking: bool


def silence_of_sources(history: SourceHistory, chosen: Settings) -> Silence:
    """Judge all sources that ever delivered consents, as they are declared now."""
    newest = dict[str, datetime]()
    for source, at in newest_deliveries(chosen.lake).items():
        owner = history.owner(source)
        newest[owner] = max(at, newest.get(owner, at))
    declared = {feed.source for feed in feeds("consents")} if newest else set()
    days = (chosen.consents_warn_after_days, chosen.consents_block_after_days)
    return silence(newest, declared, datetime.now(UTC), *days)


def newest_deliveries(lake: str) -> dict[str, datetime]:
    """Source -> when it last brought a change of permission; empty when nobody ever delivered one."""
    with open_snapshot([], lake, optional=[CONSENTS]) as snapshot:
        if CONSENTS not in snapshot.versions:
            return {}
        query = "select _source, max(_ingested_at) from silver.consents group by _source order by _source"
        return {source: at.astimezone(UTC) for source, at in snapshot.connection.execute(query).fetchall()}


def silence(
    newest: Mapping[str, datetime], declared: Set[str], now: datetime, warn_after_days: int, block_after_days: int
) -> Silence:
    """Judge the sources that ever delivered consents.

    Args:
        newest: source -> when it last brought a change of permission.
        declared: sources that sources.yml declares for consents today; others are vanished, or ended on purpose.
        now: the moment of the export.
        warn_after_days: days without a change after which an export warns; 0 for never.
        block_after_days: days without a change of any source after which nothing is sent; 0 for never.
    """
    warnings: list[str] = []
    for source, at in newest.items():
        if source in declared and warn_after_days and now - at > timedelta(days=warn_after_days):
            warnings.append(f"source {source} has brought no change of consent for {(now - at).days} days")
    last = max(newest.values(), default=None)
    is_blocking = bool(block_after_days) and last is not None and now - last > timedelta(days=block_after_days)
    return Silence(tuple(warnings), is_blocking)


def silence_error(campaign: Campaign, found: Silence) -> ExportRefusedError:
    """Why nothing was sent."""
    return ExportRefusedError(
        campaign.id,
        campaign.destination,
        f"no source has brought a change of consent for too long ({'; '.join(found.warnings) or 'none is declared'})",
        "Repair the sources of consents; customers who must not be written to were removed. If consents rightly change"
        " this seldom, raise LAKEHOUSE_CONSENTS_BLOCK_AFTER_DAYS.",
    )
