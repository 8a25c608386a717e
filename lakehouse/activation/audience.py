"""The audience of a campaign: the members of its segment with the profile columns it exports, from one pinned
snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.storage.duckdb_views import Snapshot

_NO_NAMES = "select null::varchar as own_customer_id, null::varchar as customer_id where false"


@dataclass(frozen=True)
class Member:
    """A member of the segment. `email` and `is_mailable` are None when gold has no profile or does not know."""

    customer_id: str
    email: str | None
    is_mailable: bool | None
    profile: Mapping[str, Any]


def members(snapshot: Snapshot, campaign: Campaign) -> Iterator[Member]:
    """Members of the campaign's segment, each once, in order of customer_id; a member without a profile comes with
    nothing known.

    Streams from the snapshot's connection: nothing else may be asked of it before the last member.
    """
    columns = campaign.columns
    selected = "".join(f', d."{column}"' for column in columns)
    cursor = snapshot.connection.execute(
        f"""
        with chosen as (select distinct customer_id from gold.segment_members where segment = ? and customer_id is not null)
        select m.customer_id, d.email, d.is_mailable{selected}
        from chosen as m left join gold.dim_customers as d using (customer_id)
        order by m.customer_id
        """,  # noqa: S608 - column names come from campaigns.yml and are checked against the table
        [campaign.segment],
    )
    while rows := cursor.fetchmany(10_000):
        for customer_id, email, is_mailable, *values in rows:
            yield Member(customer_id, email, is_mailable, dict(zip(columns, values, strict=True)))


def profiles_of(snapshot: Snapshot, customers: Collection[str]) -> list[Member]:
    """The customers who have a profile, by whatever customer_id they have now, with address and consent only, in order
    of customer_id."""
    names = (
        "select distinct own_customer_id, customer_id from silver.identities"
        if IDENTITIES in snapshot.versions
        else _NO_NAMES
    )
    cursor = snapshot.connection.execute(
        f"""
        with asked as (select unnest(?::varchar[]) as customer_id)
        select asked.customer_id, profiles.email, profiles.is_mailable
        from asked
        left join ({names}) as names on asked.customer_id = names.own_customer_id
        inner join gold.dim_customers as profiles on profiles.customer_id = coalesce(names.customer_id, asked.customer_id)
        order by asked.customer_id
        """,  # noqa: S608 - one of two constants
        [list(customers)],
    )
    return [Member(customer_id, email, is_mailable, {}) for customer_id, email, is_mailable in cursor.fetchall()]


def profiles_as_of(snapshot: Snapshot) -> datetime | None:
    """The moment the profiles look back from; None when there are none."""
    rows = snapshot.connection.execute("select max(as_of) from gold.dim_customers").fetchall()
    return rows[0][0]
