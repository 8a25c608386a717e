"""An audience of nobody: usually a broken source and not a decision, so only customers without consent are removed."""

from __future__ import annotations

from lakehouse.activation.audience.selection import Selection
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.consent.firewall import Firewall, normal_address_sql
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.activation.planning.plan import Plan
from lakehouse.activation.records.destination_state import DestinationState
from lakehouse.errors import ExportRefusedError
from lakehouse.storage.duckdb_views import Snapshot

# Reasons that mean no consent. A missing or invalid address is not one of them: a broken source makes them by the
# thousand.
_NO_CONSENT = "('suppressed', 'refused_since_gold', 'not_mailable', 'unknown_consent')"
# Former id -> the id of today, for ids that nobody has any more.
_IDENTITIES = """
    select former_id, min(customer_id) as customer_id
    from (select unnest(former_customer_ids) as former_id, customer_id from silver.identities)
    where former_id not in (select customer_id from silver.identities)
    group by former_id
"""
_NO_IDENTITIES = "select null::varchar as former_id, null::varchar as customer_id where false"
_WITHOUT_CONSENT = """
    create or replace table without_consent as
    with
    identities as ({identities}),

    resolved as (
        select there.customer_id, coalesce(identities.customer_id, there.customer_id) as current_customer_id
        from there
        left join identities on there.customer_id = identities.former_id
    ),

    people as (
        select resolved.customer_id, {address} as address, profiles.is_mailable
        from resolved
        inner join gold.dim_customers as profiles on resolved.current_customer_id = profiles.customer_id
    ),

    judged as (select customer_id, {reason} as reason from people)

    select customer_id from judged where reason in {no_consent}
"""
WITHOUT_CONSENT = "select customer_id from without_consent"


def would_empty_destination(campaign: Campaign, selection: Selection, state: DestinationState) -> bool:
    """Whether the destination would be left with nobody although the campaign does not allow it."""
    return not selection.target and state.customers > 0 and not campaign.allow_empty_audience


def find_without_consent(snapshot: Snapshot, firewall: Firewall) -> int:
    """Leave those at the destination who must not be written to, whoever is in the audience, in the table
    `without_consent`, and return how many they are.

    A customer without a profile is not among them. The profile is found also when the customer has been merged since
    and has another customer_id now.
    """
    snapshot.connection.execute(
        _WITHOUT_CONSENT.format(
            identities=_IDENTITIES if IDENTITIES in snapshot.versions else _NO_IDENTITIES,
            address=normal_address_sql("profiles.email"),
            reason=firewall.reason_sql(),
            no_consent=_NO_CONSENT,
        )
    )
    found: int = snapshot.connection.execute("select count(*) from without_consent").fetchall()[0][0]
    return found


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
