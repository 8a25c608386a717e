"""The audience of a campaign: the members of its segment with their payloads, from one snapshot."""

from __future__ import annotations

from datetime import datetime

from duckdb.sqltypes import DuckDBPyType

from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.consent.firewall import normal_address_sql
from lakehouse.activation.payload.payload_sql import payload_sql
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.utils.sql_text import standard_literal


def audience_sql(snapshot: Snapshot, campaign: Campaign) -> str:
    """Members of the campaign's segment, each once: customer_id, address, is_mailable and payload_hash; all but the
    first is null for one without a profile."""
    return f"""
        with members as (
            select distinct customer_id
            from gold.segment_members
            where segment = {standard_literal(campaign.segment)} and customer_id is not null
        )

        select
            members.customer_id,
            profiles.address,
            profiles.is_mailable,
            case when profiles.is_mailable and profiles.address is not null then sha256(profiles.payload) end
                as payload_hash
        from members
        left join ({profiles_sql(snapshot, campaign)}) as profiles on members.customer_id = profiles.customer_id
    """  # noqa: S608 - literals are quoted, columns are checked


def profiles_sql(snapshot: Snapshot, campaign: Campaign) -> str:
    """All profiles: customer_id, address (in its normal form), is_mailable, and payload as text."""
    payload = payload_sql(snapshot.connection, "customer_id", "_address", campaign.fields, profile_types(snapshot))
    return f"""
        select customer_id, _address as address, is_mailable, {payload} as payload
        from (select *, {normal_address_sql("email")} as _address from gold.dim_customers)
    """  # noqa: S608 - column names come from campaigns.yml and are checked against the table


def profile_types(snapshot: Snapshot) -> dict[str, DuckDBPyType]:
    """Type by column of gold.dim_customers."""
    table = snapshot.connection.sql("select * from gold.dim_customers")
    return dict(zip(table.columns, table.types, strict=True))


def profiles_as_of(snapshot: Snapshot) -> datetime | None:
    """The time that the profiles look back from; None when there are no profiles."""
    rows = snapshot.connection.execute("select max(as_of) from gold.dim_customers").fetchall()
    return rows[0][0]
