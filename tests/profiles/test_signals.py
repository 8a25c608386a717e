"""Signals as a reader sees them: counts of minutes are summed up, and set again by a replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lakehouse.profiles.fields import live, merged
from lakehouse.profiles.signals import signals_of
from lakehouse.streaming.signal_writes import fields_of

MINUTE = datetime(2026, 11, 27, 8, 0)  # as Spark gives it: UTC, without a zone
NOW = datetime(2026, 11, 27, 8, 4, 30, tzinfo=UTC)


def row(minute: int, viewed: int = 0, product: str | None = None, seconds: float = 1, **counts: int) -> dict[str, Any]:
    at = MINUTE + timedelta(minutes=minute, seconds=seconds)
    return {
        "customer_id": "c1",
        "minute_at": MINUTE + timedelta(minutes=minute),
        "pages": 0,
        "products_viewed": viewed,
        "products_added": 0,
        "orders": 0,
        "received_at": at,
        "last_viewed": {"viewed_at": at, "product_id": product, "name": None, "category": None} if product else None,
    } | counts


def signals(*rows: dict[str, Any]) -> dict[str, Any]:
    return signals_of(live(merged(fields_of(rows)), NOW), NOW)


def test_this_minute_and_the_four_before_count() -> None:
    found = signals(
        row(-1, viewed=50), row(0, viewed=1, pages=2), row(3, viewed=20), row(4, orders=1), row(5, viewed=9)
    )
    assert found["counts_5m"] == {"pages": 2, "products_viewed": 21, "products_added": 0, "orders": 1}


def test_a_minute_is_set_to_its_newest_count_in_every_order() -> None:
    updates = [row(4, viewed=1, seconds=1), row(4, viewed=2, seconds=1), row(4, viewed=3, seconds=2)]
    for order in (updates, updates[::-1], updates * 2):
        assert signals(*order)["counts_5m"]["products_viewed"] == 3


def test_the_product_viewed_last_is_the_latest_by_event_time() -> None:
    found = signals(row(3, 1, "P2"), row(1, 1, "P1"))["last_viewed"]
    assert found == {"product_id": "P2", "viewed_at": "2026-11-27T08:03:01+00:00"}


def test_of_somebody_who_did_nothing_there_is_nothing() -> None:
    assert signals() == {
        "last_viewed": None,
        "counts_5m": {"pages": 0, "products_viewed": 0, "products_added": 0, "orders": 0},
    }
