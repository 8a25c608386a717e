"""An audience of nobody: far more often a broken source than a decision, so only the removals that consent demands go
out."""

from __future__ import annotations

from collections.abc import Set

from lakehouse.activation.audience import profiles_of
from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.consent.firewall import Person, normal_address
from lakehouse.activation.plan import Plan
from lakehouse.activation.selection import Selection, Stops
from lakehouse.errors import ExportRefusedError
from lakehouse.storage.duckdb_views import Snapshot

# Reasons of the firewall that are a no; an address that is missing or wrong is none, a broken source makes them by the
# thousand.
_NO = frozenset({"suppressed", "refused_since_gold", "not_mailable", "unknown_consent"})


def is_emptying(campaign: Campaign, selection: Selection, customers: Set[str]) -> bool:
    """Whether the platform, which has these customers, would be left without any although the campaign does not allow
    it."""
    return not selection.target and bool(customers) and not campaign.allow_empty_audience


def without_consent(customers: Set[str], snapshot: Snapshot, firewall: Stops) -> frozenset[str]:
    """Those of the customers who must not be written to, whatever became of the audience; who has no profile is not
    among them."""
    people = [
        Person(member.customer_id, normal_address(member.email), member.is_mailable)
        for member in profiles_of(snapshot, customers)
    ]
    return frozenset(customer_id for customer_id, reason in firewall.reasons(people).items() if reason in _NO)


def refusal(plan: Plan) -> ExportRefusedError:
    """Why the rest of the plan was not sent."""
    campaign, counts = plan.campaign, plan.counts
    stopped = f"segment {campaign.segment} has {counts.audience} members, {counts.holdout} held out, {counts.suppressed} stopped"
    withdrawn = f"; the {counts.removed} without consent were removed" if counts.removed else ""
    return ExportRefusedError(
        campaign.id,
        campaign.platform,
        f"nobody is left to send to ({stopped}), which would remove {plan.kept} more customers from the platform than consent demands{withdrawn}",
        f"Check gold.segment_members and gold.dim_customers; if it is meant, set `allow_empty_audience: true` for {campaign.id} in campaigns.yml.",
    )
