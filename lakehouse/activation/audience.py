"""The audience of a campaign: the members of its segment with the profile columns it exports, from one snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.storage.duckdb_views import Snapshot

# Former id -> the id of today, for ids that nobody has any more.
_IDENTITIES = """
    select former_id, min(customer_id) as customer_id
    from (select unnest(former_customer_ids) as former_id, customer_id from silver.identities)
    where former_id not in (select customer_id from silver.identities)
    group by former_id
"""
_NO_IDENTITIES = "select null::varchar as former_id, null::varchar as customer_id where false"


@dataclass(frozen=True)
class Member:
    """A member of the segment; `email` and `is_mailable` are None when gold does not know them."""

    customer_id: str
    email: str | None
    is_mailable: bool | None
    profile: Mapping[str, Any]


def members(snapshot: Snapshot, campaign: Campaign) -> Iterator[Member]:
    """Members of the campaign's segment, each once, in order of customer_id; all is None for one without a profile.

    Streams from the snapshot's connection, which must run no other query before the last member has been read.
    """
    columns = campaign.columns
    selected = "".join(f', profiles."{column}"' for column in columns)
    cursor = snapshot.connection.execute(
        f"""
        with chosen as (
            select distinct customer_id from gold.segment_members where segment = ? and customer_id is not null
        )

        select chosen.customer_id, profiles.email, profiles.is_mailable{selected}
        from chosen
        left join gold.dim_customers as profiles on chosen.customer_id = profiles.customer_id
        order by chosen.customer_id
        """,  # noqa: S608 - column names come from campaigns.yml and are checked against the table
        [campaign.segment],
    )
    while rows := cursor.fetchmany(10_000):
        for customer_id, email, is_mailable, *values in rows:
            yield Member(customer_id, email, is_mailable, dict(zip(columns, values, strict=True)))


def profiles_of(snapshot: Snapshot, customers: Collection[str]) -> list[Member]:
    """Those of the customers who have a profile, with address and consent only, in order of customer_id.

    The profile is found also when the customer has been merged since and has another customer_id now.
    """
    identities = _IDENTITIES if IDENTITIES in snapshot.versions else _NO_IDENTITIES
    cursor = snapshot.connection.execute(
        f"""
        with
        asked as (select unnest(?::varchar[]) as customer_id),

        identities as ({identities}),

        resolved as (
            select asked.customer_id, coalesce(identities.customer_id, asked.customer_id) as current_customer_id
            from asked
            left join identities on asked.customer_id = identities.former_id
        )

        select resolved.customer_id, profiles.email, profiles.is_mailable
        from resolved
        inner join gold.dim_customers as profiles on resolved.current_customer_id = profiles.customer_id
        order by resolved.customer_id
        """,  # noqa: S608 - one of two constants
        [list(customers)],
    )
    return [Member(customer_id, email, is_mailable, {}) for customer_id, email, is_mailable in cursor.fetchall()]


def profiles_as_of(snapshot: Snapshot) -> datetime | None:
    """The time that the profiles look back from; None when there are no profiles."""
    rows = snapshot.connection.execute("select max(as_of) from gold.dim_customers").fetchall()
    return rows[0][0]
