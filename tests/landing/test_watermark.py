"""Which rows a backfill's window takes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakehouse.config.feeds import Feed, read_feeds
from lakehouse.landing.watermark import Overlap, behind, from_state, is_within, to_state
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


NOW = datetime(2017, 6, 1, 12, tzinfo=UTC)
BERLIN = datetime(2017, 6, 1, 13, 30)  # half past eleven in UTC


def _feed(path: Path, lookback: str = "", timezone: str = "UTC") -> Feed:
    path.joinpath("sources.yml").write_text(
        "sources:\n  erp:\n    kind: sql\n    url: sqlite:///x\n    datasets:\n      products:\n        table: t\n"
        f"        load: increment\n        watermark: w\n        timezone: {timezone}\n"
        + (f"        lookback: {lookback}\n" if lookback else "")
        + "        mapping: {product_id: id}\n"
    )
    return read_feeds(path / "sources.yml")[0]


@pytest.mark.parametrize(
    ("highest", "lookback", "expected"),
    [
        (datetime(2017, 1, 2, 10, 0, 0, 500_000), "", datetime(2017, 1, 2, 10)),
        (datetime(2017, 1, 2, 10, 0, 0, 500_000), "1 hour", datetime(2017, 1, 2, 9)),
        (date(2017, 1, 2), "", date(2017, 1, 2)),
        (date(2017, 1, 2), "1 hour", date(2017, 1, 1)),
        ("2017-01-02", "", "2017-01-02"),
        ("2017-01-02", "36 hours", "2016-12-31"),
        ("2017-01-02T10:00:00.500Z", "", "2017-01-02T10:00:00"),
        ("2017-01-02 10:00:00+01:00", "1 day", "2017-01-01 10:00:00"),
        ("v17", "", "v17"),
        (17, "", 17),
        (17, "5", 12),
        (None, "1 day", None),
    ],
)
def test_a_load_starts_at_the_second_of_the_watermark_less_the_lookback(
    tmp_path: Path, highest: Any, lookback: str, expected: Any
) -> None:
    assert behind(highest, _feed(tmp_path, lookback)) == expected


@pytest.mark.parametrize(
    ("watermarks", "expected", "warning"),
    [
        ([NOW - timedelta(1), NOW + timedelta(1)], NOW - timedelta(1), "w lies in the future in 1 rows"),
        ([NOW - timedelta(1), NOW + timedelta(minutes=4)], NOW - timedelta(1), None),  # clocks differ
        ([NOW + timedelta(1)], None, "w lies in the future in 1 rows"),
        ([date(2017, 6, 1), date(2017, 6, 2)], date(2017, 6, 1), "w lies in the future in 1 rows"),
        (["2017-06-01 10:00:00", "2099-01-01 10:00:00"], "2017-06-01 10:00:00", "w lies in the future in 1 rows"),
        ([NOW, NOW, "infinity"], NOW, "w does not compare with the others in 1 rows"),
        (["2017-06-01", "2017-06-01", "n/a"], "2017-06-01", "w does not compare with the others in 1 rows"),
        ([7, 8, 2**40], 2**40, None),
        ([None, NOW], NOW, "1 rows without w"),
        ([BERLIN, datetime(2017, 6, 1, 13)], BERLIN, None),
    ],
)
def test_a_watermark_moves_to_the_highest_that_is_not_beyond_now(
    tmp_path: Path, watermarks: list[Any], expected: Any, warning: str | None
) -> None:
    overlap = Overlap(_feed(tmp_path, timezone="Europe/Berlin" if BERLIN in watermarks else "UTC"), NOW)
    for number, watermark in enumerate(watermarks):
        overlap.add(watermark, bytes([number]))
    assert overlap.highest == expected
    assert from_state(to_state(overlap.highest)) == expected
    assert [found.partition(";")[0].partition(":")[0] for found in overlap.warnings()] == ([warning] if warning else [])


def test_a_row_of_another_kind_does_not_move_a_watermark_that_is_known(tmp_path: Path) -> None:
    overlap = Overlap(_feed(tmp_path), NOW, previous=NOW - timedelta(1))
    overlap.add("infinity", b"a")
    assert overlap.highest == NOW - timedelta(1)
    assert overlap.digests() == [b"a"], "it is recognised when it comes again"
