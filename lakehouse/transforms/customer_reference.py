"""References to customers in their canonical form."""

from __future__ import annotations

from lakehouse.contracts import Contract


def canonical_reference_sql(contract: Contract) -> dict[str, str]:
    """Column -> SQL that replaces it: an e-mail address as reference is compared in lower case. Empty for datasets
    without references."""
    if not {"reference_type", "customer_reference"} <= set(contract.names):
        return {}
    lowered = "case when reference_type = 'email' then lower(customer_reference) else customer_reference end"
    return {"customer_reference": lowered}
