"""A source that always brought rows has brought none."""

from __future__ import annotations

from lakehouse.activation.campaigns.guard_limits import GuardLimits
from lakehouse.activation.guards.facts import SendFacts


def empty_source(facts: SendFacts, limits: GuardLimits) -> str | None:
    """Why to ask, or None."""
    if not limits.empty_source or not facts.empty_deliveries:
        return None
    told = [
        f"the newest delivery of {one.dataset} from {one.source} ({one.file_name}) has no rows, and each of the"
        f" {one.before:,} before had some"
        for one in facts.empty_deliveries
    ]
    return "; ".join(told)
