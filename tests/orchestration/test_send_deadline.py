"""What is asked when a run of pre_send_refresh is made: is it valid, and until when has it to be done."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from lakehouse.errors import LakehouseError
from lakehouse.orchestration.send_deadline import deadline_of_run

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
ASKED = {"campaign_id": "champions_thank_you", "send_at": "2026-11-27 10:00 Europe/Berlin"}


def test_everything_has_to_be_ready_before_the_send() -> None:
    assert deadline_of_run(ASKED, NOW, NOW) == datetime(2026, 11, 27, 8, 55, tzinfo=UTC)


@pytest.mark.parametrize("otherwise", [{"dry_run": True}, {"as_of": "2018-01-02T00:00:00"}], ids=str)
def test_some_runs_have_no_deadline(otherwise: dict[str, Any]) -> None:
    """Those that send nothing, or are about another time."""
    assert deadline_of_run(ASKED | otherwise, NOW, NOW) is None


@pytest.mark.parametrize(
    ("otherwise", "says"),
    [
        (
            {"send_at": "tomorrow"},
            "send_at 'tomorrow' is not a valid time. Expected: a local time and an IANA time zone",
        ),
        ({"send_at": "2026-11-27 10:00 Mars/Base"}, "there is no time zone 'Mars/Base'"),
        ({"send_at": "2026-11-27 07:00 UTC"}, "is before the as-of time of the run"),
        ({"send_at": None}, "is before the as-of time of the run"),  # that of campaigns.yml is over
        ({"freshness": ["crm=soon"]}, "'crm=soon' is not a valid limit of freshness"),
        ({"destinations": ["braze"]}, "has no destination 'braze'"),
        ({"as_of": "now"}, "as_of: 'now' is not a valid time. Expected: a moment, e.g. 2018-01-02T00:00:00Z"),
        ({"as_of": "2199-01-01T00:00:00Z"}, "is more than a day from now"),
        ({"campaign_id": "no_such_campaign"}, "no_such_campaign"),
    ],
    ids=str,
)
def test_what_is_not_valid_is_refused(otherwise: dict[str, Any], says: str) -> None:
    with pytest.raises(LakehouseError, match=re.escape(says)):
        deadline_of_run(ASKED | otherwise, NOW, NOW)
