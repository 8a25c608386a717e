"""The batch window: which as-of moments a run may look back from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.errors import FutureAsOfError
from lakehouse.window import BatchWindow

NOW = datetime.now(UTC)


@pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(days=365 * 70)])
def test_a_moment_that_has_not_come_is_refused(ahead: timedelta) -> None:
    with pytest.raises(FutureAsOfError, match="has come, or leave --as-of out"):
        BatchWindow.of(NOW, NOW, "r1", NOW + ahead)


@pytest.mark.parametrize("ahead", [timedelta(hours=20), timedelta(0), timedelta(days=-4000)])
def test_other_moments_are_taken(ahead: timedelta) -> None:
    assert BatchWindow.of(NOW, NOW, "r1", NOW + ahead).as_of == NOW + ahead
