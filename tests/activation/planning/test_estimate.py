"""How many calls an export makes and how long they take: by rows, by bytes, by every rate, in time or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lakehouse.activation.destinations import PLATFORMS
from lakehouse.activation.destinations.braze import CAPABILITIES
from lakehouse.activation.destinations.rates import Rate
from lakehouse.activation.planning.estimate import (
    Estimate,
    Pace,
    Part,
    calls_within,
    count_bodies,
    estimate,
    rows_ready_within,
    seconds_at,
)

FAST = Pace(rows_per_second=1e9)
# 10 rows or 1,000 bytes a call; 5 calls in 2 seconds, 20 in a minute.
LIMITS = replace(
    CAPABILITIES,
    rows_per_call=10,
    bytes_per_call=1_000,
    overhead_bytes=0,
    rates={"track": (Rate(5, 2), Rate(20, 60))},
    calls_per_body={"track": 1},
)


@pytest.mark.parametrize(
    ("removals", "upserts", "batch_size", "bodies"),
    [
        (Part(), Part(), 100, 0),
        (Part(), Part(1, 50), 100, 1),
        (Part(), Part(10, 500), 100, 1),
        (Part(), Part(11, 550), 100, 2),
        (Part(), Part(10, 2_000), 100, 3),  # 4 rows of 200 bytes and their commas fit in a call
        (Part(), Part(2, 1_800), 100, 2),
        (Part(), Part(2, 5_000), 100, 2),  # larger than a call: alone
        (Part(3, 30), Part(3, 150), 100, 2),  # never mixed
        (Part(), Part(30, 300), 15, 4),  # two batches of 15 are two calls each
        (Part(5, 50), Part(25, 250), 15, 4),  # 5 removals and 10 upserts, then 15 upserts
    ],
)
def test_bodies_are_filled_as_the_sender_fills_them(
    removals: Part, upserts: Part, batch_size: int, bodies: int
) -> None:
    assert count_bodies(removals, upserts, batch_size, LIMITS) == bodies


@pytest.mark.parametrize(
    ("calls", "seconds"), [(0, 0), (1, 0), (5, 0), (6, 2), (10, 2), (11, 4), (20, 6), (21, 60), (40, 66), (41, 120)]
)
def test_every_rate_holds(calls: int, seconds: float) -> None:
    assert seconds_at(LIMITS.rates["track"], calls) == seconds
    assert calls_within(LIMITS.rates["track"], seconds) >= calls
    if seconds:
        assert calls_within(LIMITS.rates["track"], seconds - 0.1) < calls


def test_the_slowest_kind_of_call_decides() -> None:
    limits = replace(LIMITS, rates={"a": (Rate(1, 1),), "b": (Rate(1, 10),)}, calls_per_body={"a": 3, "b": 1})
    found = estimate(Part(), Part(30, 300), 100, limits, FAST)
    assert found == Estimate({"a": 9, "b": 3}, 300, 20.0, 0.0)


def test_no_export_is_faster_than_those_before() -> None:
    found = estimate(Part(), Part(50, 500), 100, LIMITS, Pace(rows_per_second=2, settling_seconds=30))
    assert (found.seconds, found.settling_seconds) == (25.0, 30)


def test_what_is_not_called_takes_what_past_exports_took() -> None:
    assert estimate(Part(10, 100), Part(90, 9_000), 1, None, Pace(50, 300)) == Estimate({}, 9_100, 2.0, 0.0)


def test_nothing_to_send_takes_nothing() -> None:
    assert estimate(Part(), Part(), 100, LIMITS, Pace(50, 300)) == Estimate({}, 0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [
        (-5, 0),
        (29, 0),
        (30, 0),
        (30.1, 50),
        (31.9, 50),
        (32, 100),
        (36, 200),
        (89, 200),
        (90, 250),
        (91.9, 250),
        (92, 300),
    ],
)
def test_rows_that_are_ready_in_time(seconds: float, rows: int) -> None:
    """400 rows in 40 calls, and 30 seconds until the platform has them."""
    pace = Pace(1e9, settling_seconds=30)
    found = estimate(Part(), Part(400, 4_000), 400, LIMITS, pace)
    assert rows_ready_within(seconds, 400, found, LIMITS, pace) == min(rows, 400)


def test_past_speed_counts_for_what_is_ready_in_time() -> None:
    found = estimate(Part(), Part(100, 1_000), 100, None, Pace(10))
    assert [rows_ready_within(seconds, 100, found, None, Pace(10)) for seconds in (-1, 0, 5, 10, 60)] == [
        0,
        0,
        50,
        100,
        100,
    ]


def test_platforms_name_rates_that_they_have() -> None:
    for name, kind in PLATFORMS.items():
        limits = kind.capabilities
        assert limits.calls_per_body and limits.calls_per_body.keys() <= limits.rates.keys(), name
