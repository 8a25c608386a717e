"""What a platform has of each field of a customer, by hash, and payloads of the fields that it has not.

`ops.export_records` keeps with each acknowledgement a short hash of every field that the platform has from then on. A
field whose hash is in the newest one is not sent again, where the platform keeps it. Without hashes, after a rejection,
or when a delivery has no answer, the payload is whole.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lakehouse.activation.audience.snapshot import profile_types
from lakehouse.activation.campaigns.declared import Campaign
from lakehouse.activation.destinations import Destination
from lakehouse.activation.payload.payload_sql import key_sql, values_sql
from lakehouse.storage.duckdb_views import Snapshot
from lakehouse.utils.sql_text import standard_literal

ADDRESS = "email"  # among the hashes the address is a field of this name; no attribute can have it
EMPTY = "-"  # instead of the hash of a value, where there is none
_NAME_DIGITS, _VALUE_DIGITS = 4, 10  # a changed value passes for the former one once in 10^12 changes

_KNOWN = """
    select customer_id, arg_max_null(field_hashes, acknowledged_at) as known_hashes
    from acknowledged_fields
    semi join (select customer_id from operations where action = 'changed' and not is_uncertain) using (customer_id)
    anti join rejected_before using (customer_id)
    group by customer_id
"""
_NOBODY = "select null::varchar as customer_id, null::varchar as known_hashes where false"
# One join of all operations with their profiles: two at a time would need too much memory for a million. Names of
# `operations` have a prefix, because fields are columns of any name.
_ROWS = """
    with
    known as ({known}),

    chosen as (select columns(*) as 'operation_\\0' from operations where {only}),

    fields as (
        select
            chosen.*,
            known.known_hashes,
            chosen.operation_customer_id as customer_id,
            json_string(chosen.operation_address) as value_0
            {values}
        from chosen
        left join gold.dim_customers as profiles on chosen.operation_customer_id = profiles.customer_id
        left join known on chosen.operation_customer_id = known.customer_id
    ),

    hashed as (select *{hashes} from fields)

    select
        customer_id,
        operation_action as action,
        operation_address as address,
        operation_payload_hash as payload_hash,
        operation_sent_email as sent_email,
        operation_is_uncertain as is_uncertain,
        case
            when operation_action <> 'removed' then
                concat(
                    '{{"attributes":{{',
                    ltrim(concat({attributes}), ','),
                    '}},"customer_id":',
                    json_string(customer_id),
                    case when {is_new_0} then ',"email":' || value_0 end,
                    '}}'
                )
            else ''
        end as payload,
        case when operation_action <> 'removed' then concat_ws(' ', {listed}) end as field_hashes
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


def name_hash(name: str) -> str:
    """What the hash of a field begins with, whoever has it: 4 hex digits."""
    return _md5(name)[:_NAME_DIGITS]


def field_hash(customer_id: str, name: str, value: str) -> str:
    """Hash of a field with a value (canonical JSON): 4 hex digits of the name, then 10 of the value, which differ
    between customers; `-` for null."""
    of_value = EMPTY if value == "null" else _md5(f"{customer_id}\n{name}:{value}")[:_VALUE_DIGITS]
    return name_hash(name) + of_value


def rows_sql(snapshot: Snapshot, campaign: Campaign, form: RowForm, only: str = "true") -> str:
    """Query for the rows of `operations`, each with payload (text, empty for a removal) and field_hashes.

    Reads the tables of a plan: operations, acknowledged_fields and rejected_before. `only` is a condition for the
    operations that are wanted.
    """
    values = values_sql(snapshot.connection, campaign.fields, profile_types(snapshot))
    names = [ADDRESS, *values]
    is_new = [_is_new(form, place) for place in range(len(names))]
    attributes = [
        f"case when {is_new[place]} then ',' || {key_sql(name)} || value_{place} end"
        for place, name in enumerate(names)
        if name != ADDRESS
    ]
    return _ROWS.format(
        known=_KNOWN if form.only_changes else _NOBODY,
        only=only,
        values="".join(f", {value} as value_{place}" for place, value in enumerate(values.values(), start=1)),
        hashes="".join(f", {hash_sql(name, f'value_{place}')} as hash_{place}" for place, name in enumerate(names)),
        attributes=", ".join(attributes) or "''",
        is_new_0=is_new[0],
        listed=", ".join(f"hash_{place}" for place in range(len(names))),
    )


def hash_sql(name: str, value: str) -> str:
    """SQL for `field_hash` of the row's customer; null for a value that is not sent."""
    text = f"customer_id || chr(10) || {standard_literal(name + ':')} || {value}"
    of_value = f"case when {value} = 'null' then '{EMPTY}' else left(md5({text}), {_VALUE_DIGITS}) end"
    return f"'{name_hash(name)}' || {of_value}"


def _is_new(form: RowForm, place: int) -> str:
    """SQL: the destination may not have the field at that place; null for a value that is not sent."""
    if not form.only_changes:
        return "true"
    is_unknown = "known_hashes is null" + (" or not contains(known_hashes, hash_0)" if form.by_address else "")
    return f"({is_unknown} or not contains(known_hashes, hash_{place}))"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
