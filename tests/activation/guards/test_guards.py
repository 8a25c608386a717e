"""What guards ask about, with figures; and what they let pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakehouse.activation.campaigns.guard_limits import GuardLimits
from lakehouse.activation.guards import GUARDS, EmptyDelivery, SendFacts, fired
from lakehouse.activation.guards.collect import empty_deliveries
from lakehouse.activation.planning.plan import Counts
from lakehouse.activation.records.past_exports import PastExport
from lakehouse.storage.ops_tables import record

LIMITS = GuardLimits.model_validate({})
COUNTS = Counts(audience=10_000, holdout=0, suppressed=0, added=100, changed=100, removed=100, unchanged=9_800)
FACTS = SendFacts("mails", COUNTS, there=10_000)


def past(*audiences: int, rejected: int = 0, is_success: bool = True) -> list[PastExport]:
    return [
        PastExport(f"thanks-{at}", is_success, 1.0, audience, audience - rejected, rejected)
        for at, audience in enumerate(audiences)
    ]


def told(facts: SendFacts, **limits: Any) -> dict[str, str]:
    return {one.guard: one.sentence for one in fired(facts, LIMITS.model_copy(update=limits))}


def test_a_usual_export_asks_nobody() -> None:
    assert told(replace(FACTS, past=past(10_000, 9_000, 11_000))) == {}


def test_a_first_export_asks_nobody() -> None:
    counts = replace(COUNTS, added=10_000, changed=0, removed=0, unchanged=0)
    assert told(SendFacts("mails", counts, there=0)) == {}


@pytest.mark.parametrize(
    ("audience", "sentence"),
    [
        (16_000, "the audience has 16,000 members, 60 % more than usual (10,000, the median of the last 3 exports)"),
        (4_000, "the audience has 4,000 members, 60 % fewer than usual (10,000, the median of the last 3 exports)"),
        (15_000, None),
        (5_000, None),
    ],
)
def test_an_audience_of_unusual_size(audience: int, sentence: str | None) -> None:
    facts = replace(FACTS, counts=replace(COUNTS, audience=audience), past=past(9_000, 10_000, 30_000))
    assert told(facts).get("unusual_audience") == sentence


def test_two_exports_and_failed_ones_say_nothing_about_what_is_usual() -> None:
    facts = replace(FACTS, past=past(10, 10))
    assert told(facts) == {}
    assert told(replace(facts, past=[*past(10, 10), *past(10, is_success=False)])) == {}


@pytest.mark.parametrize(
    ("counts", "guard", "sentence"),
    [
        (
            {"changed": 5_001},
            "full_sync",
            "5,001 of the 10,000 customers at mails would be sent again (50 %), because their payloads changed",
        ),
        ({"changed": 5_000}, "full_sync", None),
        ({"removed": 3_001}, "mass_removal", "3,001 of the 10,000 customers at mails would be removed (30 %)"),
        ({"removed": 3_000}, "mass_removal", None),
        ({"removed": 10_000, "audience": 0}, "mass_removal", None),  # refused, or declared to be meant
    ],
)
def test_shares_of_those_at_the_platform(counts: dict[str, int], guard: str, sentence: str | None) -> None:
    assert told(replace(FACTS, counts=replace(COUNTS, **counts))).get(guard) == sentence


@pytest.mark.parametrize("count", [99, 100])
def test_few_customers_ask_nobody(count: int) -> None:
    counts = replace(COUNTS, audience=count, changed=count, removed=count, unchanged=0)
    asked = told(SendFacts("mails", counts, there=count, wiped={"city": count}))
    assert asked.keys() == (set() if count < 100 else {"full_sync", "mass_removal", "wiped_fields"})


@pytest.mark.parametrize(
    ("rejected", "sentence"),
    [
        (
            101,
            "mails rejected 101 of 1,000 customers the last time (10 %, export thanks-0): `lakehouse exports rejects`"
            " has the reasons",
        ),
        (100, None),
    ],
)
def test_many_rejects_the_last_time(rejected: int, sentence: str | None) -> None:
    older = past(1_000, rejected=900)
    assert told(replace(FACTS, past=[*past(1_000, rejected=rejected), *older])).get("many_rejects") == sentence


def test_the_last_time_is_the_last_export_that_sent_something() -> None:
    nothing = PastExport("thanks-9", True, 1.0, 1_000, 0, 0)
    failed = past(1_000, rejected=999, is_success=False)
    assert told(replace(FACTS, past=[nothing, *failed, *past(1_000, rejected=101)])).keys() == {"many_rejects"}
    assert told(replace(FACTS, past=[nothing, *failed, *past(1_000)])) == {}


def test_fields_that_would_be_emptied_are_named() -> None:
    facts = replace(FACTS, wiped={"first_name": 2_001, "city": 9_000, "age": 2_000})
    assert told(facts) == {
        "wiped_fields": "of the 10,000 customers at mails these fields would be emptied: city of 9,000 (90 %),"
        " first_name of 2,001 (20 %)"
    }


def test_an_empty_source_is_named() -> None:
    facts = replace(FACTS, empty_deliveries=[EmptyDelivery("crm", "contacts", "contacts_7.csv", 12)])
    assert told(facts) == {
        "empty_source": "the newest delivery of contacts from crm (contacts_7.csv) has no rows, and each of the 12"
        " before had some"
    }
    assert told(facts, empty_source=False) == {}


def test_every_guard_about_a_share_can_be_switched_off() -> None:
    counts = Counts(audience=20_000, holdout=0, suppressed=0, added=0, changed=9_000, removed=9_000, unchanged=0)
    facts = SendFacts("mails", counts, 10_000, past(5_000, 5_000, 5_000, rejected=4_000), (), {"city": 9_000})
    shares = {name: None for name in GuardLimits.model_fields if name.endswith(("_share", "_change"))}
    assert told(facts).keys() == GUARDS.keys() - {"empty_source"}
    assert told(facts, **shares) == {}


def test_an_export_that_sends_nothing_asks_nobody() -> None:
    counts = Counts(audience=20_000, holdout=0, suppressed=0, added=0, changed=0, removed=0, unchanged=20_000)
    facts = SendFacts("mails", counts, 10_000, past(5_000, 5_000, 5_000), [EmptyDelivery("crm", "contacts", "x", 9)])
    assert told(facts) == {}


def _deliveries(lake: Path, dataset: str, *rows: int) -> None:
    moment = datetime(2018, 1, 1, tzinfo=UTC)
    record(
        "files",
        [
            {
                "run_id": "r",
                "source": "crm",
                "dataset": dataset,
                "file_name": f"{dataset}_{at}.csv",
                "content_sha256": str(at),
                "outcome": "landed",
                "reason": None,
                "rows": count,
                "recorded_at": moment + timedelta(days=at),
            }
            for at, count in enumerate(rows)
        ],
        str(lake),
    )


def test_a_delivery_is_unusually_empty_when_none_was_before(tmp_path: Path) -> None:
    assert empty_deliveries(str(tmp_path)) == []
    _deliveries(tmp_path, "contacts", 5, 6, 7, 0)
    _deliveries(tmp_path, "products", 5, 0, 7, 0)  # not the first empty one
    _deliveries(tmp_path, "consents", 5, 6, 0)  # too few before
    _deliveries(tmp_path, "campaigns", 5, 6, 7, 0, 3)  # over
    assert empty_deliveries(str(tmp_path)) == [EmptyDelivery("crm", "contacts", "contacts_3.csv", 3)]
