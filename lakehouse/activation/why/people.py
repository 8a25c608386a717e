"""Whom a question is about: a customer by id or by address."""

from __future__ import annotations

from lakehouse.activation.consent.firewall import normal_address, normal_address_sql
from lakehouse.activation.consent.late_refusals import IDENTITIES
from lakehouse.activation.why.refusal import PROFILES
from lakehouse.errors import TerminalError
from lakehouse.storage.duckdb_views import open_snapshot

_BY_PROFILE = f"select customer_id from gold.dim_customers where {normal_address_sql('email')} = $address"  # noqa: S608 - constants only
_BY_IDENTITY = "select customer_id from silver.identities where identifier_type = 'email' and identifier = $address"
_NEW_ID = "select min(customer_id) from silver.identities where list_contains(former_customer_ids, $customer_id)"


class UnknownCustomerError(TerminalError):
    """Nobody is known by that id or address."""


def customer_by_address(email: str, lake: str) -> str:
    """The customer who has the address, by the profiles and identities as they are now.

    Raises:
        UnknownCustomerError: nobody has it, or several have.
    """
    address = normal_address(email)
    with open_snapshot([], lake, optional=[PROFILES, IDENTITIES]) as snapshot:
        found: set[str] = set()
        for table, query in ((PROFILES, _BY_PROFILE), (IDENTITIES, _BY_IDENTITY)):
            if table in snapshot.versions:
                found |= {row[0] for row in snapshot.connection.execute(query, {"address": address}).fetchall()}
    if not found:
        raise UnknownCustomerError(
            "nobody has that address, neither in gold.dim_customers nor in silver.identities",
            "Check the spelling, or give the customer_id.",
        )
    if len(found) > 1:
        raise UnknownCustomerError(
            f"{len(found)} customers have that address", f"Give the customer_id, one of {', '.join(sorted(found))}."
        )
    return found.pop()


def unknown_customer(customer_id: str, campaign_id: str, lake: str) -> UnknownCustomerError:
    """Nothing about the customer was found."""
    with open_snapshot([], lake, optional=[IDENTITIES]) as snapshot:
        new_id = None
        if IDENTITIES in snapshot.versions:
            (new_id,) = snapshot.connection.execute(_NEW_ID, {"customer_id": customer_id}).fetchall()[0]
    remedy = (
        f"It was merged into customer {new_id}: ask about that one."
        if new_id
        else "Ids are in gold.dim_customers; `--email` asks by address."
    )
    return UnknownCustomerError(
        f"customer {customer_id!r} is in no table that campaign {campaign_id} was exported from", remedy
    )
