"""The audience is much larger or smaller than usual."""

from __future__ import annotations

from statistics import median

from lakehouse.activation.campaigns.guard_limits import GuardLimits
from lakehouse.activation.guards.facts import SendFacts, percent

_EXPORTS = 3  # fewer say nothing about what is usual


def unusual_audience(facts: SendFacts, limits: GuardLimits) -> str | None:
    """Why to ask, or None."""
    past, audience = [one.audience for one in facts.past if one.is_success], facts.counts.audience
    if limits.audience_change is None or len(past) < _EXPORTS:
        return None
    usual = round(median(past))
    if max(usual, audience) < limits.at_least or abs(audience - usual) <= limits.audience_change * usual:
        return None
    more_or_less = "more" if audience > usual else "fewer"
    return (
        f"the audience has {audience:,} members, {percent(abs(audience - usual), usual)} {more_or_less} than usual"
        f" ({usual:,}, the median of the last {len(past)} exports)"
    )
