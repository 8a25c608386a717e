"""All segments with where they are declared, how many members they have, and which campaigns use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lakehouse.activation.campaigns.declared import load_campaigns
from lakehouse.activation.segments.catalogue import segments
from lakehouse.storage.duckdb_views import open_snapshot
from lakehouse.tables import gold

MEMBERS = gold("segment_members")


@dataclass(frozen=True)
class ListedSegment:
    """A segment; `members` are those that gold has, None when it was not built yet."""

    segment: str
    members: int | None
    campaigns: tuple[str, ...]
    declared_in: str
    description: str


def listed_segments(lake: str, is_built: bool) -> list[ListedSegment]:
    """All segments, sorted by name; needs no engine.

    `is_built` says whether gold was built with the segments as they are declared now: then one that is not in
    gold.segment_members has no members, else it is not known.

    Raises:
        ConfigurationError: segments.yml or campaigns.yml is not valid.
    """
    counts, campaigns = member_counts(lake), load_campaigns()
    return [
        ListedSegment(
            name,
            counts.get(name, 0 if is_built else None),
            tuple(campaign for campaign, declared in campaigns.items() if declared.segment == name),
            f"{one.file}:{one.line}" if one.line else str(one.file),
            one.description,
        )
        for name, one in segments().items()
    ]


def member_counts(lake: str) -> Mapping[str, int]:
    """Segment -> how many members gold has; empty when it was not built yet."""
    with open_snapshot([], lake, optional=[MEMBERS]) as snapshot:
        if MEMBERS not in snapshot.versions:
            return {}
        query = "select segment, count(*) from gold.segment_members group by segment"
        return dict(snapshot.connection.execute(query).fetchall())
