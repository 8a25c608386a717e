"""The batch window: which as-of moments a run may look back from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.errors import FutureAsOfError
from lakehouse.window import BatchWindow

NOW = datetime.now(UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(days=365 * 70)])
def test_a_moment_that_has_not_come_is_refused(ahead: timedelta) -> None:
    with pytest.raises(FutureAsOfError, match="has come, or leave --as-of out"):
        BatchWindow.of(NOW, NOW, "r1", NOW + ahead)


@pytest.mark.parametrize("ahead", [timedelta(hours=20), timedelta(0), timedelta(days=-4000)])
def test_other_moments_are_taken(ahead: timedelta) -> None:
    assert BatchWindow.of(NOW, NOW, "r1", NOW + ahead).as_of == NOW + ahead


@pytest.mark.parametrize(
    ("window", "built_for", "is_taken"),
    [
        (BatchWindow.of(NOW, NOW, "r1"), NOW.replace(microsecond=0), True),
        (BatchWindow.of(NOW, NOW, "r1"), NOW - 2 * SECOND, False),
        (BatchWindow.of(NOW, NOW, "r1"), NOW + 2 * SECOND, False),  # not yet
        (BatchWindow(NOW, NOW, "r1", NOW - 60 * SECOND), NOW, True),
        (BatchWindow.of(NOW, NOW, "r1", as_of=NOW - 60 * SECOND), NOW, False),
        (BatchWindow(NOW, NOW, "r1", NOW - 60 * SECOND, is_backfill=True), NOW, False),
        (BatchWindow(NOW, NOW, "r1", NOW - timedelta(days=3)), NOW - timedelta(days=2), False),
    ],
)
def test_a_run_about_now_takes_gold_that_is_fresher(window: BatchWindow, built_for: datetime, is_taken: bool) -> None:
    assert window.takes(built_for, NOW) is is_taken
