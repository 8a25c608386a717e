"""How long an answer asks to wait: the header Retry-After (RFC 9110, 10.2.3) and those that platforms use instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_A_MOMENT_IN_TIME = 1_000_000_000  # a larger number of seconds is a Unix time


def seconds_to_wait(headers: Mapping[str, str], names: Iterable[str], now: datetime) -> float | None:
    """The longest wait that a header asks for, in seconds from `now` and at least 0; None when none can be read.

    A value is a number of seconds, a Unix time in seconds, or an HTTP date. Names are compared without case.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    found = [_seconds(lower[name.lower()], now) for name in names if name.lower() in lower]
    return max((seconds for seconds in found if seconds is not None), default=None)


def _seconds(value: str, now: datetime) -> float | None:
    text = value.strip()
    try:
        number = float(text)
    except ValueError:
        return _until(text, now)
    if not 0 <= number < 1e12:  # also not a number
        return None
    return max(0.0, number - now.timestamp()) if number >= _A_MOMENT_IN_TIME else number


def _until(text: str, now: datetime) -> float | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
