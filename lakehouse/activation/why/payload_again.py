"""The payload of one customer, built again from gold as it was, and whether that proves what was sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lakehouse.activation.campaigns.export_fields import ExportField
from lakehouse.activation.consent.firewall import normal_address_sql
from lakehouse.activation.payload.payload_sql import payload_sql
from lakehouse.activation.why.facts import Delivery, Payload
from lakehouse.activation.why.past_lake import PastLake
from lakehouse.activation.why.refusal import PROFILES


def payload_again(customer_id: str, manifest: Mapping[str, Any], past: PastLake, recorded: Delivery | None) -> Payload:
    """The payload as the export's SQL makes it from the pinned profile, compared with the hash on record.

    Args:
        customer_id: the customer.
        manifest: of the export: fields and versions.
        past: the lake at the export.
        recorded: the delivery whose hash is on record; None when there was none.
    """
    on_record = recorded.payload_hash or None if recorded else None
    version = past.versions.get(PROFILES)
    if not past.has(PROFILES):
        return Payload(None, None, on_record, f"cannot be proved: {_gone(past)}")
    try:
        fields = [_field(declared) for declared in manifest["fields"]]
    except ValidationError:
        return Payload(None, None, on_record, "cannot be proved: a field of that time is not allowed any more")
    text = _payload(customer_id, fields, past)
    if text is None:
        said = f"cannot be proved: {_gone(past)}" if PROFILES in past.unreadable else "there was no profile"
        return Payload(None, None, on_record, said)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if on_record is None:
        return Payload(text, sha256, None, "nothing is on record that it could be compared with")
    said = (
        f"proved: built again from gold.dim_customers version {version}, it has the SHA-256 that is on record"
        if sha256 == on_record
        else f"not proved: built again from gold.dim_customers version {version}, it has another SHA-256 than on record"
    )
    return Payload(text, sha256, on_record, said)


def _payload(customer_id: str, fields: list[ExportField], past: PastLake) -> str | None:
    table = past.connection.sql("select * from gold.dim_customers")
    types = dict(zip(table.columns, table.types, strict=True))
    payload = payload_sql(past.connection, "customer_id", "_address", fields, types)
    rows = past.rows(
        f"""
        select {payload} as payload
        from (select *, {normal_address_sql("email")} as _address from gold.dim_customers)
        where customer_id = $customer_id
        """,  # noqa: S608 - column names are checked against the table
        {"customer_id": customer_id},
        PROFILES,
    )
    return str(rows[0]["payload"]) if rows else None


def _field(declared: Mapping[str, Any]) -> ExportField:
    """A field as a manifest has it: as declared, with the name it has in the payload."""
    return ExportField.model_validate({name: value for name, value in declared.items() if name != "name"})


def _gone(past: PastLake) -> str:
    return f"version {past.versions.get(PROFILES)} of gold.dim_customers cannot be read any more"
