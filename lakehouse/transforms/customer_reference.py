"""Identifiers of people in the form in which they are compared, in contacts and in references to them."""

from __future__ import annotations

import re

from lakehouse.contracts import Contract
from lakehouse.contracts.email_address import canonical_email_sql

# What pandas and spreadsheets make of the number 70001 where another value of its column is missing.
_FLOAT = "^-?[0-9]+[.]0+$"


def canonical_sql(identifier_type: str, identifier: str) -> str:
    """SQL of the canonical form of an identifier; both arguments are SQL."""
    return (
        f"case {identifier_type} when 'email' then coalesce({canonical_email_sql(identifier)}, lower({identifier}))"
        f" when 'loyalty_id' then {canonical_loyalty_id_sql(identifier)}"
        f" when 'crm_id' then {canonical_crm_id_sql(identifier)} else {identifier} end"
    )


def canonical_crm_id_sql(text: str) -> str:
    """SQL: `70001.0` is 70001."""
    return f"case when {text} rlike '{_FLOAT}' then substring_index({text}, '.', 1) else {text} end"


def canonical_loyalty_id_sql(text: str) -> str:
    """SQL: the same, and cards compare without case and outer blanks."""
    return canonical_crm_id_sql(f"lower(trim({text}))")


def canonical_id(identifier_type: str, text: str) -> str:
    """The canonical form of one CRM or loyalty id, as `canonical_sql` gives it."""
    bare = text.strip().lower() if identifier_type == "loyalty_id" else text.strip()
    return bare.partition(".")[0] if re.search(_FLOAT, bare) else bare


def canonical_reference_sql(contract: Contract) -> dict[str, str]:
    """Column -> SQL that replaces it when rows of the contract are loaded; empty for datasets without references."""
    if contract.dataset == "contacts":
        return {
            "contact_id": canonical_crm_id_sql("contact_id"),
            "loyalty_id": canonical_loyalty_id_sql("loyalty_id"),
        }
    if not {"reference_type", "customer_reference"} <= set(contract.names):
        return {}
    return {"customer_reference": canonical_sql("reference_type", "customer_reference")}
