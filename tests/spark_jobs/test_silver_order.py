"""Any split of a delivery leaves the same rows as one delivery of everything, and as a rebuild: the newest by time, and
at equal times the last that arrived."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakehouse.silver.deduplicate
import lakehouse.silver.quarantine
from lakehouse.contracts import Stage
from lakehouse.orchestration.stages import run_stage
from tests.spark_jobs.conftest import Lake, window
from tests.spark_jobs.datasets import CAMPAIGNS, LINES, line
from tests.support.lanes import first_fast

T = "transactions"
Row = dict[str, str | None]
WHEN_AND_WHENCE = {"_updated_at", "_batch_id", "_ingested_at", "_source_file", "_row_number"}


EXPORTED = ["2017-07-02 03:00:00", "2017-07-03 03:00:00", None, "soon"]


def lines(amounts: st.SearchStrategy[int] | None) -> st.SearchStrategy[Row]:
    """Few receipts and values, so that lines repeat, correct each other with equal, later and missing times, and some
    are bad. Without `amounts`, lines of one key and time say the same."""
    return st.builds(
        lambda receipt, number, exported, amount: line(
            f"b{receipt}",
            line=str(number),
            amount=f"{EXPORTED.index(exported) if amount is None else amount}.00",
            exported=exported,
        ),
        st.integers(0, 7),
        st.integers(1, 2),
        st.sampled_from(EXPORTED),
        st.none() if amounts is None else amounts,
    )


@st.composite
def deliveries(draw: st.DrawFn, is_shuffled: bool) -> tuple[list[Row], list[list[Row]]]:
    """Rows as one delivery, and the same rows, perhaps in another order, in up to four deliveries."""
    rows = draw(st.lists(lines(None if is_shuffled else st.integers(0, 3)), min_size=10, max_size=60))
    cuts = sorted(draw(st.sets(st.integers(1, len(rows) - 1), max_size=3)))
    shuffled = draw(st.permutations(rows)) if is_shuffled else rows
    return rows, [shuffled[start:end] for start, end in pairwise([0, *cuts, len(rows)])]


def content(lake: Lake) -> tuple[list[dict[str, Any]], list[str]]:
    silver = [
        {name: value for name, value in row.items() if name not in WHEN_AND_WHENCE}
        for row in lake.rows("silver.transactions")
    ]
    return silver, sorted(row["row_json"] for row in lake.rows("silver.transactions_quarantine"))


@pytest.mark.slow
@settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.one_of(deliveries(is_shuffled=True), deliveries(is_shuffled=False)))
def test_split_and_shuffled_equals_at_once(lake: Lake, delivered: tuple[list[Row], list[list[Row]]]) -> None:
    """In any order, where lines of one time say the same; where they do not, the later one wins, however they are
    split."""
    rows, parts = delivered
    lake.start_over()
    lake.declare({T: LINES})
    assert lake.load(T, *rows).read == len(rows)
    at_once = content(lake)
    lake.start_over()
    for number, part in enumerate(parts):
        lake.load(T, *part, name=f"{number}.csv")
    assert content(lake) == at_once
    lake.silver(T, is_full=True)
    assert content(lake) == at_once


@pytest.mark.slow
@pytest.mark.both_engines(soak=True)
@pytest.mark.parametrize("exported", first_fast([None, "2017-07-02"]), ids=["no time", "a date"])
def test_of_lines_of_one_time_the_later_delivery_wins(lake: Lake, exported: str | None) -> None:
    """A file delivered again with other content under its name replaces all its lines, there and back; a rebuild
    agrees."""
    lake.declare({T: LINES})
    versions = [
        [line(f"b{number}", amount=f"{amount}.00", exported=exported) for number in range(6)] for amount in (1, 2, 3)
    ]
    for number, rows in enumerate([*versions, [*versions[0], line("b9", exported=exported)]]):
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


@pytest.mark.both_engines(soak=True)
def test_within_a_delivery_the_later_row_wins(lake: Lake) -> None:
    lake.declare({T: LINES})
    for amounts in (("1.00", "2.00"), ("9.00", "3.00")):
        lake.load(T, *[line(f"b{n}", amount=amount) for amount in amounts for n in range(10)], name=f"{amounts}.csv")
        for is_full in (False, True):
            lake.silver(T, is_full=is_full)
            assert {row["net_amount"] for row in lake.rows("silver.transactions")} == {Decimal(amounts[1])}


@pytest.mark.slow
def test_a_row_that_is_repaired_late_keeps_its_place(lake: Lake) -> None:
    """Of two rows of a key in one delivery the first was rejected; replayed, it does not replace the second."""
    strict = LINES | {"mapping": LINES["mapping"] | {"net_amount": {"expression": "nullif(amount, '1.00')"}}}
    lake.declare({T: strict})
    lake.load(
        T, line("b1", amount="1.00"), line("b1", amount="2.00"), line("b2", amount="2.00"), line("b2", amount="1.00")
    )
    lake.declare({T: LINES})
    run_stage(Stage.REPLAY, T, window("replay"))
    expected = [("b1", Decimal("2.00")), ("b2", Decimal("1.00"))]
    assert lake.values("silver.transactions", "transaction_id", "net_amount") == expected
    lake.silver(T, is_full=True)
    assert lake.values("silver.transactions", "transaction_id", "net_amount") == expected


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
