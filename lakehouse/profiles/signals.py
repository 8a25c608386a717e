"""Hot signals: what a customer has just done, as fields of the profile.

A count is kept per minute and **set**, never added to: a replay sets the same number again. The reader sums up minutes,
so one field serves windows of any length.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from lakehouse.profiles.fields import Field, Fields, Version, microseconds

LAST_VIEWED = "last_viewed"
WINDOW_MINUTES = 5
_MINUTE = 60_000_000
_KEPT_MINUTES = 10  # longer than the window, for readers whose clock is behind
_KEPT_LAST = timedelta(days=30)
# Signal -> (event_type, event_name or None for any): Segment's names of events of a shop.
COUNTED: Mapping[str, tuple[str, str | None]] = {
    "pages": ("page", None),
    "products_viewed": ("track", "Product Viewed"),
    "products_added": ("track", "Product Added"),
    "orders": ("track", "Order Completed"),
}


def count_field(customer_id: str, signal: str, minute: datetime, count: int, newest: datetime) -> Field:
    """How often it happened in a minute; `newest`: when the last event of these was received."""
    start = microseconds(minute)
    name = f"{signal}@{start // _MINUTE}"
    expires_at = start + _KEPT_MINUTES * _MINUTE
    return Field(customer_id, name, Version(0, microseconds(newest), count), count, expires_at)


def last_viewed_field(customer_id: str, product: Mapping[str, Any], viewed_at: datetime) -> Field:
    """The product that a customer has looked at last."""
    expires_at = microseconds(viewed_at + _KEPT_LAST)
    value = {**product, "viewed_at": viewed_at.isoformat()}
    return Field(customer_id, LAST_VIEWED, Version(0, microseconds(viewed_at)), value, expires_at)


def signals_of(fields: Fields, now: datetime) -> dict[str, Any]:
    """The signals of a customer: last viewed product, and counts of this minute and the four before."""
    this = microseconds(now) // _MINUTE
    minutes = range(this - WINDOW_MINUTES + 1, this + 1)
    counts = dict.fromkeys(COUNTED, 0)
    for name, field in fields.items():
        signal, at, minute = name.partition("@")
        if at and signal in counts and int(minute) in minutes:
            counts[signal] += field.value
    last = fields.get(LAST_VIEWED)
    return {LAST_VIEWED: last.value if last else None, f"counts_{WINDOW_MINUTES}m": counts}
