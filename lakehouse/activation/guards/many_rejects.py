"""The platform rejected many the last time."""

from __future__ import annotations

from lakehouse.activation.campaigns.guard_limits import GuardLimits
from lakehouse.activation.guards.facts import SendFacts, percent


def many_rejects(facts: SendFacts, limits: GuardLimits) -> str | None:
    """Why to ask, or None."""
    last = next((one for one in facts.past if one.is_success and one.exported + one.rejected), None)
    if limits.rejected_share is None or last is None:
        return None
    sent = last.exported + last.rejected
    if sent < limits.at_least or last.rejected <= limits.rejected_share * sent:
        return None
    return (
        f"{facts.platform} rejected {last.rejected:,} of {sent:,} customers the last time"
        f" ({percent(last.rejected, sent)}, export {last.export_id}): `lakehouse exports rejects` has the reasons"
    )
