"""How a row of any dataset points at a person."""

from __future__ import annotations

from lakehouse.contracts.model import Column, Pii

REFERENCE_TYPES = ("crm_id", "email", "loyalty_id")

# How any dataset points at a person; silver.identities resolves (reference_type, customer_reference) to customer_id.
REFERENCE = (
    Column("reference_type", "string", "What customer_reference is", required=True, allowed=REFERENCE_TYPES),
    Column(
        "customer_reference",
        "string",
        "CRM id, e-mail address (lower case) or loyalty id of the customer",
        required=True,
        ids_of="customers",
        pii=Pii.DIRECT,
    ),
)
