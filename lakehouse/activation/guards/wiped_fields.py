"""Values that the destination has would be emptied for many."""

from __future__ import annotations

from lakehouse.activation.campaigns.guard_limits import GuardLimits
from lakehouse.activation.guards.facts import SendFacts, percent


def wiped_fields(facts: SendFacts, limits: GuardLimits) -> str | None:
    """Why to ask, or None."""
    share = limits.wiped_share
    if share is None:
        return None
    many = {
        name: count
        for name, count in sorted(facts.wiped.items())
        if count >= limits.at_least and count > share * facts.there
    }
    if not many:
        return None
    told = [f"{name} of {count:,} ({percent(count, facts.there)})" for name, count in many.items()]
    return f"of the {facts.there:,} customers at {facts.platform} these fields would be emptied: {', '.join(told)}"
