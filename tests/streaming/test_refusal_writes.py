"""Refusals in the ledger that exporters check, and in profiles as they are answered."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.activation.consent.platform_refusals import Refusal
from lakehouse.config.settings import settings
from lakehouse.contracts.email_events import REFUSALS
from lakehouse.profiles.fields import Field, Version, live, merged
from lakehouse.profiles.loads import ALIAS, LOAD_KEY, PROFILE, REFUSED, Load, field_name
from lakehouse.profiles.reading import read_profiles
from lakehouse.profiles.stores import durable_store, stores_to_read
from lakehouse.storage.table import Table
from lakehouse.streaming.refusal_writes import alias_of, fields_of, writer_of
from lakehouse.tables import ops

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ADA = "ada@example.com"


def row(reason: str = "unsubscribed", email: str | None = ADA, customer_id: str | None = None) -> dict[str, Any]:
    return {"account": "crm", "customer_id": customer_id, "email": email, "reason": reason, "received_at": NOW}


def load_customer(customer_id: str, email: str, generation: int = 1) -> None:
    version = Version(generation, 1)
    profile = {"status": "active", "segments": []}
    durable_store(settings()).write(
        [
            Load(generation=generation).field(),
            Field(customer_id, field_name(PROFILE, generation), version, profile),
            Field(alias_of(email), field_name(ALIAS, generation), version, customer_id),
        ]
    )


def status(name: str) -> tuple[str, str | None] | None:
    found = asyncio.run(read_profiles(stores_to_read(settings()), [name], NOW)).profiles.get(name)
    return (found.content["status"], found.content["reason"]) if found else None


def ledger() -> list[tuple[str, str | None, str]]:
    delta = Table(ops("platform_refusals"), settings().lake).delta
    rows = delta.to_pyarrow_table().to_pylist() if delta is not None else []
    return sorted((each["customer_id"], each["address"], each["reason"]) for each in rows)


def test_a_refusal_by_address_is_in_the_profile_of_its_customer(home: Path) -> None:
    load_customer("c1", ADA)
    assert status("c1") == ("active", None)
    writer_of(settings())([row()])
    assert status("c1") == status(alias_of(ADA)) == ("suppressed", "unsubscribed")
    assert ledger() == [("", ADA, "unsubscribed")]


def test_it_stays_when_the_customer_is_loaded_later_and_again(home: Path) -> None:
    writer_of(settings())([row("complained"), row("bounced", None, "c2")])
    assert status(alias_of(ADA)) == ("suppressed", "complained")
    for generation in (1, 2):
        load_customer("c1", ADA, generation)
        load_customer("c2", "bob@example.com", generation)
        assert status(alias_of(ADA)) == ("suppressed", "complained")
        assert status("c2") == status(alias_of("bob@example.com")) == ("suppressed", "bounced")


def test_a_batch_that_comes_again_changes_nothing(home: Path) -> None:
    for _ in range(3):
        writer_of(settings())([row(), row(), row("complained"), row("bounced", None, "c2")])
    assert ledger() == [("", ADA, "complained"), ("", ADA, "unsubscribed"), ("c2", None, "bounced")]


@given(
    said=st.lists(st.tuples(st.sampled_from(REFUSALS), st.integers(0, 9)), min_size=1),
    epochs=st.lists(st.integers(0, 9)),
    order=st.randoms(),
)
def test_nothing_that_comes_before_or_after_lifts_a_refusal(
    said: list[tuple[str, int]], epochs: list[int], order: Any
) -> None:
    reported = [Refusal("crm", "c1", "", reason, NOW + timedelta(seconds=at)) for reason, at in said]
    fields = fields_of(reported, {})
    fields += [Field("c1", field_name(PROFILE, 1), Version(epoch, epoch), {"status": "active"}) for epoch in epochs]
    order.shuffle(fields)
    kept = live(merged(fields), NOW + timedelta(days=9999))
    assert kept[REFUSED].value in {reason for reason, at in said if at == max(at for _, at in said)}
    assert LOAD_KEY not in kept
