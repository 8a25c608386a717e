"""Hot signals: what a customer has just done, put together by the reader from the hours that the stream has set."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from lakehouse.profiles.fields import Field, Fields, Version, microseconds
from lakehouse.profiles.hours import COUNTED, HOUR_SECONDS, hours_of, moment

LAST_VIEWED = "last_viewed"
# Name -> minutes: this one and those before.
WINDOWS = {"5m": 5, "1h": 60, "24h": 24 * 60, "7d": 7 * 24 * 60}
# A pause of half an hour ends a session, as in Google Analytics.
SESSION_GAP_SECONDS = 30 * 60
CART_PAUSE_SECONDS = 30 * 60  # so long after the last product was added, a cart counts as left behind
# What happened so long ago counts half. Exponential decay: Cormode et al., "Forward Decay" (ICDE 2009).
HALF_LIFE_HOURS = 48
_CATEGORIES, _PRODUCTS = 5, 10  # in an answer, at most
# Signal -> Segment's name of the track event: when it happened last.
ENGAGEMENTS = {
    "last_opened_at": "Email Opened",
    "last_clicked_at": "Email Link Clicked",
    "unsubscribed_at": "Unsubscribed",
}
_KEPT_LAST, _KEPT_ENGAGEMENT = timedelta(days=30), timedelta(days=90)


def last_viewed_field(customer_id: str, product: Mapping[str, Any], viewed_at: datetime) -> Field:
    """The product that a customer has looked at last."""
    expires_at = microseconds(viewed_at + _KEPT_LAST)
    value = {**product, "viewed_at": viewed_at.isoformat()}
    return Field(customer_id, LAST_VIEWED, Version(0, microseconds(viewed_at)), value, expires_at)


def engagement_field(customer_id: str, name: str, at: datetime) -> Field:
    """When one of ENGAGEMENTS happened last."""
    expires_at = microseconds(at + _KEPT_ENGAGEMENT)
    return Field(customer_id, name, Version(0, microseconds(at)), at.isoformat(), expires_at)


def signals_of(fields: Fields, now: datetime) -> dict[str, Any]:
    """The signals of a customer at a moment; docs/near-real-time.md says what each of them means."""
    until = int(now.timestamp())
    hours = hours_of(fields)
    minutes = [
        (start + first, start + last, counts)
        for start, value in hours.items()
        for first, last, *counts in value["m"]
        if (start + first) // 60 <= until // 60
    ]
    last = fields.get(LAST_VIEWED)
    return {
        LAST_VIEWED: last.value if last else None,
        **{f"counts_{name}": _counts(minutes, until // 60 - length) for name, length in WINDOWS.items()},
        "session": _session(minutes, until),
        "interests": _interests(hours),
        "abandoned_cart": _abandoned_cart(hours, until),
        "engagement": _engagement(fields, minutes),
    }


_Minutes = list[tuple[int, int, list[int]]]  # first and last second since 1970, counts


def _counts(minutes: _Minutes, after: int) -> dict[str, Any]:
    counted = [counts for first, _, counts in minutes if first // 60 > after]
    sums = [sum(column) for column in zip(*counted, strict=True)] or [0] * (len(COUNTED) + 1)
    return {**dict(zip(COUNTED, sums[:-1], strict=True)), "spend": sums[-1] / 100}


def _session(minutes: _Minutes, until: int) -> dict[str, Any] | None:
    """The last session: from the first event after a pause to the last one."""
    if not minutes:
        return None
    started, last, pages = minutes[-1][0], minutes[-1][1], 0
    for first, end, counts in reversed(minutes):
        if started - end > SESSION_GAP_SECONDS:
            break
        started, pages = first, pages + counts[0]
    is_open = until - last <= SESSION_GAP_SECONDS
    return {"started_at": moment(started), "last_at": moment(last), "pages": pages, "is_open": is_open}


def _interests(hours: Mapping[int, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Shares of the decayed weight, the greatest first. All weights decay by one factor, so shares stay as they are
    while nothing happens."""
    newest = max(hours, default=0)
    weights: dict[str, float] = {}
    for start, value in hours.items():
        factor = 0.5 ** ((newest - start) / HOUR_SECONDS / HALF_LIFE_HOURS)
        for category, weight in value.get("i", {}).items():
            weights[category] = weights.get(category, 0.0) + weight * factor
    whole = sum(weights.values())
    ranked = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:_CATEGORIES]
    return [{"category": category, "share": round(weight / whole, 3)} for category, weight in ranked]


def _abandoned_cart(hours: Mapping[int, Mapping[str, Any]], until: int) -> dict[str, Any] | None:
    """What was added since the last order and not removed, when nothing was added for a while."""
    ordered = max((start + value["o"] for start, value in hours.items() if "o" in value), default=-1)
    moved: dict[str, tuple[int, int]] = {}
    for start, value in hours.items():
        for product, seconds in value.get("c", {}).items():
            added, removed = (start + second if second >= 0 else -1 for second in seconds)
            known = moved.get(product, (-1, -1))
            moved[product] = max(known[0], added), max(known[1], removed)
    left = {product: added for product, (added, removed) in moved.items() if added > max(removed, ordered)}
    newest = max(left.values(), default=-1)
    if newest < 0 or until - newest < CART_PAUSE_SECONDS:
        return None
    products = sorted(left, key=lambda product: (-left[product], product))[:_PRODUCTS]
    return {"product_ids": products, "added_at": moment(newest)}


def _engagement(fields: Fields, minutes: _Minutes) -> dict[str, Any]:
    """When the customer was seen on the site and with mails."""
    times = {name: fields[name].value if name in fields else None for name in ENGAGEMENTS}
    seen = datetime.fromtimestamp(minutes[-1][1], UTC).isoformat() if minutes else None
    return {"last_seen_at": seen, **times}
