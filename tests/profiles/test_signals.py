"""Signals as a reader sees them, put together from hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from lakehouse.profiles.fields import live, merged
from lakehouse.profiles.signals import signals_of
from lakehouse.streaming.signal_writes import fields_of

NOW = datetime(2026, 11, 27, 8, 4, 30, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def did(before: timedelta, kind: str = "pages", product_id: str = "", amount: int = 0, category: str = "") -> Any:
    """A row of the stream: one event, so long before now."""
    at = NOW - before
    hour = at.replace(minute=0, second=0)
    micros = (at - hour) // timedelta(microseconds=1)
    event = {"id": micros, "micros": micros, "kind": kind}
    event |= {"amount": amount, "product_id": product_id, "category": category}
    viewed = {"viewed_at": at, "product_id": product_id, "name": None, "category": None}
    return {
        "customer_id": "c1",
        "hour_at": hour.replace(tzinfo=None),  # as Spark may give it: UTC, without a zone
        "events": [event],
        "received_at": at,
        "last_viewed": viewed if kind == "products_viewed" else None,
        "last_opened_at": None,
        "last_clicked_at": None,
        "unsubscribed_at": None,
    }


def signals(*rows: Any) -> dict[str, Any]:
    """The rows of one hour are one row, as the stream gives them."""
    hours: dict[datetime, Any] = {}
    for row in rows:
        known = hours.get(row["hour_at"])
        events = [*(known["events"] if known else ()), *row["events"]]
        hours[row["hour_at"]] = (
            (known or {}) | {name: value for name, value in row.items() if value} | {"events": events}
        )
    empty = dict.fromkeys(("last_viewed", "last_opened_at", "last_clicked_at", "unsubscribed_at"))
    return signals_of(live(merged(fields_of(empty | row for row in hours.values())), NOW), NOW)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_a_window_is_this_minute_and_those_before() -> None:
    ages = [-1, 0, 4.4, 4.6, 59, 61, 23 * 60, 25 * 60, 6 * 24 * 60, 8 * 24 * 60]
    found = signals(*(did(minutes(age)) for age in ages))
    assert [found[f"counts_{name}"]["pages"] for name in ("5m", "1h", "24h", "7d")] == [2, 4, 6, 8]


def test_orders_are_summed_up_to_the_cent() -> None:
    found = signals(did(minutes(1), "orders", amount=1010), did(minutes(2), "orders", amount=2020), did(minutes(3)))
    assert found["counts_5m"] == {
        "pages": 1,
        "products_viewed": 0,
        "products_added": 0,
        "orders": 2,
        "spend": 30.3,
    }


def test_a_session_ends_with_a_pause_of_half_an_hour() -> None:
    found = signals(did(minutes(80)), did(minutes(49)), did(minutes(25)), did(minutes(2), "products_viewed", "P1"))
    assert found["session"] == {
        "started_at": "2026-11-27T07:15:30+00:00",
        "last_at": "2026-11-27T08:02:30+00:00",
        "pages": 2,
        "is_open": True,
    }
    closed = signals(did(minutes(80)))["session"]
    assert closed is not None and not closed["is_open"]


def test_interest_decays_by_half_in_two_days() -> None:
    found = signals(
        did(2 * 24 * _HOUR, "products_viewed", "P1", category="tea"),
        did(0 * _HOUR, "products_viewed", "P2", category="cups"),
    )
    assert found["interests"] == [{"category": "cups", "share": 0.667}, {"category": "tea", "share": 0.333}]


def test_a_cart_is_left_behind_after_half_an_hour_without_an_order() -> None:
    added = [did(minutes(60), "products_added", "P1"), did(minutes(50), "products_added", "P2")]
    cart = {"product_ids": ["P2", "P1"], "added_at": "2026-11-27T07:14:30+00:00"}
    assert signals(*added)["abandoned_cart"] == cart
    assert signals(*added, did(minutes(40), "orders"))["abandoned_cart"] is None
    assert signals(*added, did(minutes(5), "products_added", "P3"))["abandoned_cart"] is None
    left = signals(*added, did(minutes(40), "removed", "P2"))["abandoned_cart"]
    assert left == {"product_ids": ["P1"], "added_at": "2026-11-27T07:04:30+00:00"}


def test_the_product_viewed_last_is_the_latest_by_event_time() -> None:
    found = signals(did(minutes(1), "products_viewed", "P2"), did(_HOUR, "products_viewed", "P1"))["last_viewed"]
    assert found == {"product_id": "P2", "viewed_at": "2026-11-27T08:03:30+00:00"}


def test_clicks_and_unsubscriptions_are_told() -> None:
    found = signals(did(minutes(1)) | {"last_clicked_at": NOW - _HOUR, "unsubscribed_at": NOW})["engagement"]
    assert found == {
        "last_seen_at": "2026-11-27T08:03:30+00:00",
        "last_opened_at": None,
        "last_clicked_at": "2026-11-27T07:04:30+00:00",
        "unsubscribed_at": "2026-11-27T08:04:30+00:00",
    }
