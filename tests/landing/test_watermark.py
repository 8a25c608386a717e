"""Which rows a backfill's window takes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from lakehouse.landing.watermark import is_within
from lakehouse.window import BatchWindow

START, END = datetime(2017, 1, 2, tzinfo=UTC), datetime(2017, 1, 3, tzinfo=UTC)
WINDOW = BatchWindow.of(START, END, "r", is_backfill=True)


@pytest.mark.parametrize(
    ("watermark", "expected"),
    [
        (START, True),
        (START - timedelta(microseconds=1), False),
        (END, False),
        (datetime(2017, 1, 1, 0, 0, 1), True),  # somewhere west of UTC this is the second of January
        (datetime(2016, 12, 31, 23), False),
        (date(2017, 1, 1), True),
        (date(2017, 1, 4), False),
        (17, True),
        ("2017-W01", True),
    ],
)
def test_a_time_is_within_its_window_and_what_knows_no_time_always_is(watermark: Any, expected: bool) -> None:
    assert is_within(watermark, WINDOW) is expected
