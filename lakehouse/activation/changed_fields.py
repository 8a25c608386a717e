"""What a platform has of each field of a customer, by hash, and payloads of the fields that it has not.

`ops.export_records` keeps with each acknowledgement a short hash of every field that the platform has from then on. A
field whose hash is among the newest ones is not sent again. Without hashes, after a rejection, or when a delivery has
no answer, the payload is whole.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lakehouse.activation.audience import profile_types, profiles_sql
from lakehouse.activation.campaigns import Campaign
from lakehouse.activation.consent.firewall import normal_address_sql
from lakehouse.activation.destinations import Destination
from lakehouse.activation.payload_sql import key_sql, values_sql
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.utils.sql_text import standard_literal

ADDRESS = "email"  # among the hashes the address is a field of this name; no attribute can have it
_DIGITS = 12  # of one customer's few fields: two values have one hash once in 10^13 changes

UPSERTS = "select customer_id from operations where action <> 'removed'"
_WHOLE = """
    select customer_id, payload, null::varchar as field_hashes
    from ({profiles})
"""
_CHANGED = """
    with
    known as (
        select customer_id, arg_max_null(field_hashes, acknowledged_at) as known_hashes
        from acknowledged_fields
        semi join (select customer_id from operations where action = 'changed' and not is_uncertain)
            using (customer_id)
        anti join rejected_before using (customer_id)
        group by customer_id
    ),

    profiles as (
        select *, {address} as _address
        from gold.dim_customers
        where customer_id in ({only})
    ),

    fields as (select customer_id, json_string(_address) as value_0{values} from profiles),

    hashed as (
        select fields.*, known.known_hashes{hashes}
        from fields
        left join known using (customer_id)
    )

    select
        customer_id,
        concat(
            '{{"attributes":{{',
            ltrim(concat('', {attributes}), ','),
            '}},"customer_id":',
            json_string(customer_id),
            case when {is_new_0} then ',"email":' || value_0 else '' end,
            '}}'
        ) as payload,
        concat_ws(' ', {listed}) as field_hashes
    from hashed
"""


@dataclass(frozen=True)
class RowForm:
    """How a destination takes the rows of a plan.

    Attributes:
        by_address: it knows people by address: a customer has to come with the one that was sent before, and who has a
            new one is new there.
        only_changes: it keeps the fields that it is not sent, so those that it has already are left out of payloads.
    """

    by_address: bool
    only_changes: bool


def form_of(destination: Destination) -> RowForm:
    """How a destination takes rows."""
    return RowForm(destination.identity == "email", destination.keeps_other_fields)


def field_hash(customer_id: str, name: str, value: str) -> str:
    """Hash of a field with a value (canonical JSON), which differs between customers: 12 hex digits."""
    text = f"{customer_id}\n{name}:{value}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:_DIGITS]


def payloads_sql(snapshot: Snapshot, campaign: Campaign, form: RowForm, only: str = UPSERTS) -> str:
    """Query for customer_id, payload and field_hashes of customers of a plan.

    Reads the tables of the plan: operations, acknowledged_fields and rejected_before. `only` is a query for the
    customers that are wanted.
    """
    if not form.only_changes:
        return _WHOLE.format(profiles=profiles_sql(snapshot, campaign, only))
    values = values_sql(snapshot.connection, campaign.fields, profile_types(snapshot))
    names = [ADDRESS, *values]
    unknown = "known_hashes is null" + (" or not contains(known_hashes, hash_0)" if form.by_address else "")
    is_new = [f"({unknown} or not contains(known_hashes, hash_{place}))" for place in range(len(names))]
    attributes = [
        f"case when {is_new[place]} then ',' || {key_sql(name)} || value_{place} else '' end"
        for place, name in enumerate(names)
        if name != ADDRESS
    ]
    return _CHANGED.format(
        address=normal_address_sql("email"),
        only=only,
        values="".join(f", {value} as value_{place}" for place, value in enumerate(values.values(), start=1)),
        hashes="".join(f", {_hash_sql(name, f'value_{place}')} as hash_{place}" for place, name in enumerate(names)),
        attributes=", ".join(attributes) or "''",
        is_new_0=is_new[0],
        listed=", ".join(f"hash_{place}" for place in range(len(names))),
    )


def _hash_sql(name: str, value: str) -> str:
    """SQL for `field_hash`."""
    return f"left(md5(customer_id || chr(10) || {standard_literal(name + ':')} || {value}), {_DIGITS})"
