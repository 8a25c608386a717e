"""Declarations and rows of deliveries that the tests of several jobs use."""

from __future__ import annotations

from typing import Any

CONTACTS: dict[str, Any] = {
    "load": "full",
    "mapping": {
        "contact_id": "id",
        "email": "email",
        "phone": "phone",
        "loyalty_id": "card",
        "created_at": "created",
        "updated_at": "modified",
    },
}
PRODUCTS: dict[str, Any] = {"load": "full", "mapping": {"product_id": "product_id", "name": "name"}}
CONSENTS: dict[str, Any] = {
    "load": "increment",
    "mapping": {
        "reference_type": "type",
        "customer_reference": "reference",
        "channel": {"constant": "email"},
        "purpose": {"constant": "marketing"},
        "status": {"expression": "case event when 'opt_in' then 'granted' else event end"},
        "changed_at": "at",
    },
}
LINES: dict[str, Any] = {
    "load": "increment",
    "timezone": "Europe/Berlin",
    "mapping": {
        "transaction_id": "basket",
        "line_number": "line",
        "reference_type": "type",
        "customer_reference": "reference",
        "product_id": "product",
        "quantity": "quantity",
        "net_amount": "amount",
        "discount_amount": "discount",
        "currency": {"constant": "EUR"},
        "occurred_at": "sold",
        "updated_at": "exported",
    },
}
CAMPAIGNS: dict[str, Any] = {
    "load": "increment",
    "mapping": {"campaign_id": "id", "starts_at": "start", "ends_at": "end"},
}
MEMBERS: dict[str, Any] = {
    "load": "increment",
    "mapping": {"campaign_id": "campaign", "reference_type": {"constant": "crm_id"}, "customer_reference": "contact"},
}


def line(basket: str, **changes: str | None) -> dict[str, str | None]:
    """A good transaction line; 10:00 in Berlin's summer is 08:00 UTC."""
    plain = {
        "basket": basket,
        "line": "1",
        "type": "crm_id",
        "reference": "k1",
        "product": "p1",
        "quantity": "1",
        "amount": "2.50",
        "discount": "0.00",
        "sold": "2017-07-01 10:00:00",
        "exported": "2017-07-02 03:00:00",
    }
    return plain | changes


def contact(contact_id: str, **changes: str | None) -> dict[str, str | None]:
    plain = {
        "id": contact_id,
        "email": None,
        "phone": None,
        "card": None,
        "created": "2017-01-01T00:00:00Z",
        "modified": "2017-02-01T00:00:00Z",
    }
    return plain | changes
