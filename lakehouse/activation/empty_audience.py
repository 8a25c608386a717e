"""An audience of nobody: usually a broken source and not a decision, so only customers without consent are removed."""

from __future__ import annotations

from collections.abc import Set

from lakehouse.activation.audience import profiles_of
from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.consent.firewall import ConsentCheck, Person, normal_address
from lakehouse.activation.plan import Plan
from lakehouse.activation.selection import Selection
from lakehouse.errors import ExportRefusedError
from lakehouse.storage.duckdb_views import Snapshot

# Reasons that mean no consent. A missing or invalid address is not one of them: a broken source makes them by the
# thousand.
_NO_CONSENT = frozenset({"suppressed", "refused_since_gold", "not_mailable", "unknown_consent"})


def would_empty_destination(campaign: Campaign, selection: Selection, customers: Set[str]) -> bool:
    """Whether the destination, which has `customers`, would be left with nobody although the campaign does not allow
    it."""
    return not selection.target and bool(customers) and not campaign.allow_empty_audience


def without_consent(customers: Set[str], snapshot: Snapshot, consent: ConsentCheck) -> frozenset[str]:
    """Those of the customers who must not be written to, whoever is in the audience.

    A customer without a profile is not among them.
    """
    people = [
        Person(member.customer_id, normal_address(member.email), member.is_mailable)
        for member in profiles_of(snapshot, customers)
    ]
    return frozenset(customer_id for customer_id, reason in consent.reasons(people).items() if reason in _NO_CONSENT)


def empty_audience_error(plan: Plan) -> ExportRefusedError:
    """Why the other removals of the plan were not sent."""
    campaign, counts = plan.campaign, plan.counts
    audience = (
        f"segment {campaign.segment} has {counts.audience} members, {counts.holdout} are held out,"
        f" {counts.suppressed} suppressed"
    )
    removed = f"; the {counts.removed} without consent were removed" if counts.removed else ""
    return ExportRefusedError(
        campaign.id,
        campaign.destination,
        f"the audience is empty ({audience}), which would remove {plan.retained} customers who have not withdrawn"
        f" consent{removed}",
        "Check gold.segment_members and gold.dim_customers. If the audience is meant to be empty, set"
        f" `allow_empty_audience: true` for {campaign.id} in campaigns.yml.",
    )
