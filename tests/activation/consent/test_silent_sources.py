"""Consents that stop arriving are noticed in every export."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lakehouse.activation.consent.silent_sources import Silence, silence

NOW = datetime(2018, 1, 31, tzinfo=UTC)


def _days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.mark.parametrize(
    ("newest", "found"),
    [
        ({}, Silence((), False)),
        ({"crm": _days_ago(1)}, Silence((), False)),
        ({"crm": _days_ago(8)}, Silence(("source crm has brought no change of consent for 8 days",), False)),
        (
            {"crm": _days_ago(40), "esp": _days_ago(1)},
            Silence(("source crm has brought no change of consent for 40 days",), False),
        ),
        ({"crm": _days_ago(31)}, Silence(("source crm has brought no change of consent for 31 days",), True)),
        ({"crm": _days_ago(1), "ended": _days_ago(20)}, Silence((), False)),
    ],
)
def test_silence(newest: dict[str, datetime], found: Silence) -> None:
    assert silence(newest, {"crm", "esp"}, NOW, warn_after_days=7, block_after_days=30) == found


def test_nothing_is_said_where_both_limits_are_off() -> None:
    assert silence({"crm": _days_ago(400)}, {"crm"}, NOW, 0, 0) == Silence((), False)
