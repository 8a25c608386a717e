"""Refusals into the ledger that exporters check, and into profiles. Without Spark.

A profile is found by customer id and by the hash of the address; nothing here makes anybody active again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lakehouse.activation.consent.platform_refusals import Refusal, record_reported
from lakehouse.config.settings import Settings
from lakehouse.profiles.fields import Field, Version, microseconds
from lakehouse.profiles.loads import ALIAS, LOAD_KEY, REFUSED, Load, field_name
from lakehouse.profiles.store import ProfileStore
from lakehouse.profiles.stores import durable_store, stores_to_read
from lakehouse.streaming.patience import until_it_answers


def writer_of(chosen: Settings) -> Callable[[Sequence[Mapping[str, Any]]], None]:
    """Writes rows of the query; while the lake or a store is away the batch waits. The ledger comes first: no mail may
    leave, even when no profile can be written."""

    stores = stores_to_read(chosen)

    @until_it_answers
    def write(rows: Sequence[Mapping[str, Any]]) -> None:
        reported = [refusal_of(row) for row in rows]
        record_reported(reported, str(chosen.lake))
        fields = fields_of(reported, asyncio.run(_customers(durable_store(chosen), reported)))
        for store in stores:
            store.write(fields)

    return write


def refusal_of(row: Mapping[str, Any]) -> Refusal:
    """A row of the query; times are UTC."""
    seen_at: datetime = row["received_at"]
    at = seen_at if seen_at.tzinfo else seen_at.replace(tzinfo=UTC)
    return Refusal(row["account"], row["customer_id"] or "", row["email"] or "", row["reason"], at)


def fields_of(reported: Sequence[Refusal], customers: Mapping[str, str]) -> list[Field]:
    """The fields that say so: of the customer, of the alias of the address, and of the customer whose alias that is."""
    fields: dict[tuple[str, int], Field] = {}
    for refusal in reported:
        alias = alias_of(refusal.address)
        at = microseconds(refusal.seen_at)
        for key in {refusal.customer_id, alias, customers.get(alias, "")} - {""}:
            fields[key, at] = Field(key, REFUSED, Version(0, at), refusal.reason)
    return list(fields.values())


def alias_of(address: str) -> str:
    """The name under which profiles know an address; empty for none."""
    return f"email_sha256:{hashlib.sha256(address.encode()).hexdigest()}" if address else ""


async def _customers(store: ProfileStore, reported: Sequence[Refusal]) -> dict[str, str]:
    """Alias of an address -> the customer it belongs to, as far as customers are loaded."""
    aliases = sorted({alias_of(refusal.address) for refusal in reported} - {""})
    try:
        found = await store.read([LOAD_KEY, *aliases])
    finally:
        await store.close()
    load = {field.name: field for field in found if field.customer_id == LOAD_KEY}
    alias = field_name(ALIAS, Load.of(load).generation)
    return {field.customer_id: field.value for field in found if field.name == alias}
