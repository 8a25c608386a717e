"""What a customer did in one hour, as one value that a profile keeps. It depends on the set of events alone: neither on
their order nor on how often each of them came. So it is **set**, and a replay sets the same value again.

The value, short because every profile has many:

    m  [first, last, pages, products_viewed, products_added, orders, spend] of each minute in which something happened:
       seconds of the hour, counts, and hundredths of the currency of the site
    i  category -> weight of what was done with its products, the heaviest of the hour
    c  product_id -> [added, removed]: seconds of the hour, -1 = not, the latest of the hour
    o  second of the last order; absent without one
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from lakehouse.profiles.fields import Field, Fields, Version, microseconds

HOUR_SECONDS = 3600
KEPT_HOURS = 7 * 24 + 2  # the longest window, for readers whose clock is behind
# Signal -> (event_type, event_name or None for any): Segment's names of events of a shop.
COUNTED: Mapping[str, tuple[str, str | None]] = {
    "pages": ("page", None),
    "products_viewed": ("track", "Product Viewed"),
    "products_added": ("track", "Product Added"),
    "orders": ("track", "Order Completed"),
}
REMOVED = "removed"
KINDS: Mapping[str, tuple[str, str | None]] = {**COUNTED, REMOVED: ("track", "Product Removed")}
# To add a product to the cart says more than to look at it.
_WEIGHTS = {"products_viewed": 1, "products_added": 3}
_CATEGORIES, _PRODUCTS = 20, 50  # of an hour, at most
_NAME = "hour"


class Event(NamedTuple):
    """An event as far as hours need it.

    Attributes:
        id: a number made from the event id; repetitions share it.
        micros: when it happened, microseconds of the hour.
        kind: one of KINDS, or empty for any other event.
        amount: of an order, in hundredths.
        product_id: of a product event.
        category: of a product event.
    """

    id: int
    micros: int
    kind: str
    amount: int = 0
    product_id: str = ""
    category: str = ""


def hour_value(events: Iterable[Event]) -> dict[str, Any]:
    """The value of an hour."""
    first: dict[int, Event] = {}  # of repetitions that differ, one is chosen in every order
    for event in events:
        known = first.get(event.id)
        if known is None or event < known:
            first[event.id] = event
    minutes: dict[int, list[int]] = {}
    interest: dict[str, int] = {}
    cart: dict[str, list[int]] = {}
    ordered = -1
    at_of = {name: place for place, name in enumerate(COUNTED, start=2)}
    for event in sorted(first.values()):
        second = event.micros // 1_000_000
        minute = minutes.setdefault(second // 60, [second, second, *([0] * (len(COUNTED) + 1))])
        minute[0], minute[1] = min(minute[0], second), max(minute[1], second)
        if event.kind in at_of:
            minute[at_of[event.kind]] += 1
        if event.kind == "orders":
            minute[-1] += event.amount
            ordered = max(ordered, second)
        if event.category and event.kind in _WEIGHTS:
            interest[event.category] = interest.get(event.category, 0) + _WEIGHTS[event.kind]
        if event.product_id and event.kind in ("products_added", REMOVED):
            moved = cart.setdefault(event.product_id, [-1, -1])
            place = int(event.kind == REMOVED)
            moved[place] = max(moved[place], second)
    value: dict[str, Any] = {"m": [minutes[number] for number in sorted(minutes)]}
    if interest:
        value["i"] = dict(sorted(interest.items(), key=lambda item: (-item[1], item[0]))[:_CATEGORIES])
    if cart:
        value["c"] = dict(sorted(cart.items(), key=lambda item: (-max(item[1]), item[0]))[:_PRODUCTS])
    return value if ordered < 0 else value | {"o": ordered}


def hour_field(customer_id: str, hour: datetime, value: Mapping[str, Any], newest: datetime, count: int) -> Field:
    """The field of an hour.

    Args:
        customer_id: whose it is.
        hour: its begin, UTC.
        value: from hour_value.
        newest: when the last of its events was received.
        count: messages that it is made of; more of them count over fewer.
    """
    start = microseconds(hour)
    number = start // (HOUR_SECONDS * 1_000_000)
    expires_at = microseconds(hour + timedelta(hours=KEPT_HOURS))
    return Field(customer_id, f"{_NAME}@{number}", Version(0, microseconds(newest), count), dict(value), expires_at)


def hours_of(fields: Fields) -> dict[int, Mapping[str, Any]]:
    """The hours of a customer in their order: seconds since 1970 at its begin -> value."""
    found = {}
    for name, field in fields.items():
        kind, at, number = name.partition("@")
        if at and kind == _NAME:
            found[int(number) * HOUR_SECONDS] = field.value
    return dict(sorted(found.items()))


def moment(seconds: int) -> str:
    """Seconds since 1970 as answers write them."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
