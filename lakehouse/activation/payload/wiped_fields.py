"""The guard against silent wipes: whose values at the destination a plan would empty, by field.

A column of gold that has become empty by mistake looks like a change of everybody. What the destination is known to
have is told by the hashes of `ops.export_records`; nothing is read from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from lakehouse.activation.audience.snapshot import profile_types
from lakehouse.activation.campaigns.export_fields import ExportField
from lakehouse.activation.destinations import Destination
from lakehouse.activation.payload.changed_fields import EMPTY, name_hash
from lakehouse.activation.payload.payload_sql import values_sql
from lakehouse.activation.planning.plan import Plan

_UPSERTS = "select customer_id from operations where action <> 'removed'"
_WIPED = """
    with
    known as (
        select customer_id, ' ' || arg_max(field_hashes, acknowledged_at) as known_hashes
        from acknowledged_fields
        where customer_id in ({upserts})
        group by customer_id
    )

    select {counts}
    from known
    inner join gold.dim_customers using (customer_id)
"""


def wiped_fields(plan: Plan, destination: Destination) -> Mapping[str, int]:
    """Attribute -> number of customers whose known value at the destination the plan would empty; those of nobody, and
    those that are omitted when they are empty, are left out.

    Known is what was acknowledged last, also of somebody who comes back. Of what earlier versions sent nothing is
    known.
    """
    fields = sorted((field for field in plan.campaign.fields if _is_emptied(field, destination)), key=lambda f: f.name)
    if not fields or not plan.count:
        return {}
    connection = plan.snapshot.connection
    values = values_sql(connection, fields, profile_types(plan.snapshot))
    counts = ", ".join(f"count(*) filter (where {value} = 'null' and {_has(name)})" for name, value in values.items())
    found = connection.execute(_WIPED.format(upserts=_UPSERTS, counts=counts)).fetchall()[0]
    return {name: count for name, count in zip(values, found, strict=True) if count}


def _has(name: str) -> str:
    """SQL: the destination has a value of that attribute."""
    begin = f" {name_hash(name)}"
    return f"contains(known_hashes, '{begin}') and not contains(known_hashes, '{begin}{EMPTY}')"


def _is_emptied(field: ExportField, destination: Destination) -> bool:
    return (field.nulls or destination.null_policies(field.name)[0]) != "omit"
