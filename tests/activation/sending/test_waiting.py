"""How long an answer asks to wait, in all forms that platforms use."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lakehouse.activation.sending.waiting import seconds_to_wait

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
NAMES = ("Retry-After", "X-Ratelimit-Retry-After")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": " 0.5 "}, 0.5),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"X-Ratelimit-Retry-After": str(int(NOW.timestamp()) + 12)}, 12.0),
        ({"Retry-After": "3", "X-Ratelimit-Retry-After": "9"}, 9.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-4"}, None),
        ({"Retry-After": "inf"}, None),
        ({"X-RateLimit-Reset": "7"}, None),
        ({}, None),
    ],
)
def test_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_to_wait(headers, NAMES, NOW) == seconds
