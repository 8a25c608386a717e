"""Any split of a delivery, in any order of arrival, leaves the same rows as one delivery of everything, and as a
rebuild."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakehouse.silver.deduplicate
import lakehouse.silver.quarantine
from lakehouse.config.settings import settings as of_lakehouse
from tests.spark_jobs.conftest import Lake
from tests.spark_jobs.datasets import CAMPAIGNS, LINES, line

T = "transactions"
Row = dict[str, str | None]
WHEN_AND_WHENCE = {"_updated_at", "_batch_id", "_ingested_at", "_source_file"}


# Few receipts and values, so that lines repeat, correct each other with equal, later and missing times, and some are
# bad. Lines without a time all say the same: between those that differ, arrival decides.
LINE = st.builds(
    lambda receipt, number, amount, exported: line(
        f"b{receipt}", line=str(number), amount=f"{amount if exported else 9}.00", exported=exported
    ),
    st.integers(0, 7),
    st.integers(1, 2),
    st.integers(0, 3),
    st.sampled_from(["2017-07-02 03:00:00", "2017-07-03 03:00:00", None, "soon"]),
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Row], list[list[Row]]]:
    """Rows as one delivery, and the same rows in another order in up to four deliveries."""
    rows = draw(st.lists(LINE, min_size=10, max_size=60))
    cuts = sorted(draw(st.sets(st.integers(1, len(rows) - 1), max_size=3)))
    shuffled = draw(st.permutations(rows))
    return rows, [shuffled[start:end] for start, end in pairwise([0, *cuts, len(rows)])]


def content(lake: Lake) -> tuple[list[dict[str, Any]], list[str]]:
    silver = [
        {name: value for name, value in row.items() if name not in WHEN_AND_WHENCE}
        for row in lake.rows("silver.transactions")
    ]
    return silver, sorted(row["row_json"] for row in lake.rows("silver.transactions_quarantine"))


def start_over() -> None:
    for folder in ("lake", "landing"):
        shutil.rmtree(of_lakehouse().home / folder, ignore_errors=True)


@pytest.mark.slow
@settings(
    max_examples=5,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deliveries())
def test_split_and_shuffled_equals_at_once(lake: Lake, delivered: tuple[list[Row], list[list[Row]]]) -> None:
    rows, parts = delivered
    start_over()
    lake.declare({T: LINES})
    assert lake.load(T, *rows).read == len(rows)
    at_once = content(lake)
    start_over()
    for number, part in enumerate(parts):
        lake.load(T, *part, name=f"{number}.csv")
    assert content(lake) == at_once
    lake.silver(T, is_full=True)
    assert content(lake) == at_once


@pytest.mark.both_engines
def test_of_lines_without_a_time_the_later_delivery_wins(lake: Lake) -> None:
    """A file delivered again with other content under its name replaces all its lines, there and back; a rebuild
    agrees."""
    lake.declare({T: LINES})
    versions = [
        [line(f"b{number}", amount=f"{amount}.00", exported=None) for number in range(6)] for amount in (1, 2, 3)
    ]
    for number, rows in enumerate([*versions, [*versions[0], line("b9", exported=None)]]):
        lake.load(T, *rows, name="day.csv" if number < 3 else "again.csv")
        assert {row["net_amount"] for row in lake.rows("silver.transactions") if row["transaction_id"] != "b9"} == {
            Decimal([1, 2, 3, 1][number])
        }
    increments = [
        {name: value for name, value in row.items() if name != "_updated_at"}
        for row in lake.rows("silver.transactions")
    ]
    lake.silver(T, is_full=True)
    assert [
        {name: value for name, value in row.items() if name != "_updated_at"}
        for row in lake.rows("silver.transactions")
    ] == increments


def test_a_corrected_row_of_a_dataset_without_times(lake: Lake) -> None:
    lake.declare({"campaigns": CAMPAIGNS})
    for name, end in (("a.csv", "2017-02-01"), ("b.csv", "2017-03-01"), ("c.csv", "2017-01-15")):
        lake.load("campaigns", {"id": "k1", "start": "2017-01-01", "end": end}, name=name)
    assert lake.values("silver.campaigns", "ends_at") == [(datetime(2017, 1, 15, tzinfo=UTC),)]


def test_more_repeated_and_bad_rows_than_are_kept(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lakehouse.silver.deduplicate, "_RETAINED_HASHES", 1)
    monkeypatch.setattr(lakehouse.silver.quarantine, "_RETAINED_ROWS", 1)
    lake.declare({T: LINES})
    outcome = lake.load(
        T,
        *[line(f"b{number % 5}", amount=f"{number}.00") for number in range(20)],
        *[line(f"x{number}", amount="?") for number in range(3)],
    )
    assert (outcome.read, outcome.loaded, outcome.quarantined, outcome.duplicates) == (23, 5, 3, 15)
    assert len(lake.rows("silver.transactions_quarantine")) == 3
