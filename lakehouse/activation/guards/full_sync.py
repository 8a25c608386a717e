"""Most of those who are at the destination would be sent again."""

from __future__ import annotations

from lakehouse.activation.campaigns.guard_limits import GuardLimits
from lakehouse.activation.guards.facts import SendFacts, percent


def full_sync(facts: SendFacts, limits: GuardLimits) -> str | None:
    """Why to ask, or None."""
    changed, there = facts.counts.changed, facts.there
    if limits.resent_share is None or changed < limits.at_least or changed <= limits.resent_share * there:
        return None
    return (
        f"{changed:,} of the {there:,} customers at {facts.platform} would be sent again ({percent(changed, there)}),"
        " because their payloads changed"
    )
