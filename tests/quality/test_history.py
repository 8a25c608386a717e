"""What gates remember: rows of earlier runs, earlier gates, and the silver that gold was built from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakehouse.quality.history import History, history_of, is_silver_at_rest
from lakehouse.quality.verdicts import latest_gates
from lakehouse.storage.ops_tables import record
from lakehouse.tables import silver
from tests.support.tables import row, write

MOMENT = datetime(2018, 1, 1, tzinfo=UTC)

KEPT = "products.rows.kept"


def run(number: int, rows_read: int, **changes: Any) -> dict[str, Any]:
    at = MOMENT + timedelta(hours=number)
    counts = {"count_read": rows_read, "count_loaded": rows_read, "count_quarantined": 0, "count_duplicate": 0}
    names = {"run_id": f"r{number}", "stage": "silver", "table_name": "silver.products", "status": "success"}
    return counts | names | {"started_at": at, "finished_at": at, "seconds": 1.0} | changes


def finding(
    number: int, rule: str, is_passed: bool = True, severity: str = "blocking", **changes: Any
) -> dict[str, Any]:
    at = MOMENT + timedelta(hours=number)
    found = {
        "run_id": f"r{number}",
        "table_name": "silver.products",
        "rule_id": rule,
        "severity": severity,
        "is_passed": is_passed,
        "checked_at": at,
    }
    return found | {"count_checked": 10 * number, "count_failed": 0 if is_passed else number} | changes


@pytest.fixture
def bare_lake(tmp_path: Path) -> str:
    return str(tmp_path)


def test_nothing_is_known_at_first(bare_lake: str) -> None:
    assert history_of(silver("products"), "r1", bare_lake, KEPT) == History()
    assert latest_gates(bare_lake) == {}
    assert is_silver_at_rest(bare_lake)


def test_usual_volume_is_the_median_of_earlier_runs_that_read_something(bare_lake: str) -> None:
    runs = [
        run(1, 1000),
        run(2, 0),
        run(3, 10),
        run(4, 30),
        run(5, 7, status="failed"),
        run(6, 99, stage="gate"),
        run(7, 2),
    ]
    record("runs", runs, bare_lake)
    assert history_of(silver("products"), "r7", bare_lake, KEPT) == History(rows_read=2.0, usual_rows_read=30.0)


def test_two_earlier_runs_are_too_few_to_compare(bare_lake: str) -> None:
    record("runs", [run(1, 1000), run(2, 10), run(3, 10)], bare_lake)
    assert history_of(silver("products"), "r3", bare_lake, KEPT).usual_rows_read is None


def test_rows_are_compared_with_the_last_passed_gate_of_another_run(bare_lake: str) -> None:
    record(
        "quality_results",
        [finding(1, KEPT), finding(2, KEPT), finding(3, KEPT), finding(3, "products.x", False), finding(4, KEPT)],
        bare_lake,
    )
    assert history_of(silver("products"), "r4", bare_lake, KEPT).previous_rows == 20.0
    of_another_rule = history_of(silver("products"), "r4", bare_lake, "products.sold.kept")
    assert of_another_rule.previous_rows is None, "an earlier version counted other rows"


def test_newest_gate_of_a_table_counts(bare_lake: str) -> None:
    other: dict[str, Any] = {"table_name": "silver.contacts"}
    record(
        "quality_results",
        [
            finding(1, "a", False),
            finding(2, "a"),
            finding(2, "b", False, "warning"),
            finding(1, "c", False, **other),
            finding(1, "d", **other),
        ],
        bare_lake,
    )
    found = latest_gates(bare_lake)
    assert (found["silver.products"].run_id, found["silver.products"].failures, found["silver.products"].warnings) == (
        "r2",
        (),
        (("b", 2),),
    )
    assert (found["silver.contacts"].is_blocked, found["silver.contacts"].count_rules) == (True, 2)
    assert not found["silver.products"].is_blocked
    assert found["silver.contacts"].failures == (("c", 1),)


def test_silver_that_moved_on_since_gold_was_built_is_not_at_rest(bare_lake: str) -> None:
    write(bare_lake, "silver.transactions", [row("silver.transactions")])
    started = {
        "stage": "gold.started",
        "input_table": "silver.transactions",
        "input_version": 0,
        "run_id": "r1",
        "recorded_at": MOMENT,
    }
    record("progress", [started], bare_lake)
    assert is_silver_at_rest(bare_lake)
    write(bare_lake, "silver.transactions", [row("silver.transactions")])
    assert not is_silver_at_rest(bare_lake)
