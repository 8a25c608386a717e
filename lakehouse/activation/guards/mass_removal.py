"""Many of those who are at the destination would be removed."""

from __future__ import annotations

from lakehouse.activation.campaigns.guard_limits import GuardLimits
from lakehouse.activation.guards.facts import SendFacts, percent


def mass_removal(facts: SendFacts, limits: GuardLimits) -> str | None:
    """Why to ask, or None. An empty audience is refused, or declared to be meant: that is another rule's business."""
    removed, there = facts.counts.removed, facts.there
    if limits.removed_share is None or removed < limits.at_least or removed <= limits.removed_share * there:
        return None
    if not facts.counts.audience:
        return None
    return f"{removed:,} of the {there:,} customers at {facts.platform} would be removed ({percent(removed, there)})"
