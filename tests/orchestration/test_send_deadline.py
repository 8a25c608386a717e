"""Until when a run of pre_send_refresh has to be done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakehouse.orchestration.send_deadline import deadline_of_run

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
ASKED = {"campaign_id": "champions_thank_you", "send_at": "2026-11-27 10:00 Europe/Berlin"}


def test_everything_has_to_be_ready_before_the_send() -> None:
    assert deadline_of_run(ASKED, NOW, NOW) == datetime(2026, 11, 27, 8, 55, tzinfo=UTC)


@pytest.mark.parametrize(
    "otherwise",
    [
        {"dry_run": True},
        {"send_at": "2026-11-27 07:00 UTC"},
        {"as_of": "2018-01-02T00:00:00"},
        {"send_at": None},  # that of campaigns.yml is over
        {"send_at": "2026-11-27 10:00 Mars/Base"},
        {"campaign_id": "no_such_campaign"},
    ],
    ids=str,
)
def test_some_runs_have_no_deadline(otherwise: dict[str, Any]) -> None:
    """Those that send nothing, whose send is over, that are about another time, or that will be refused."""
    assert deadline_of_run(ASKED | otherwise, NOW - timedelta(minutes=1), NOW) is None
