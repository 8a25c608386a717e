"""Whether gold may be built, and whether it must be: from literal rows in the ops tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.config.settings import settings
from lakehouse.errors import BuildOvertakenError, GoldBusyError, QualityGateFailed
from lakehouse.gold.build import begin_build, run_gold, selection, writing_for
from lakehouse.gold.preconditions import (
    GateNotFinishedError,
    NothingLoadedError,
    gated_gold,
    require_checked_and_open,
    require_loaded,
)
from lakehouse.gold.staleness import (
    SILVER_TABLES,
    changed_inputs,
    gold_inputs,
    is_gold_current,
    record_gold_built,
    record_gold_started,
)
from lakehouse.storage.gold_builds import as_built
from lakehouse.storage.ops_tables import record
from lakehouse.tables import TableRef, gold, silver
from lakehouse.window import BatchWindow

CONTACTS = silver("contacts")
AS_OF = datetime(2018, 1, 2, tzinfo=UTC)


def _write(table: TableRef, rows: int = 1) -> None:
    write_deltalake(table.location(settings().lake), pa.table({"id": list(range(rows))}), mode="append")


def _gate_says(
    is_passed: bool, severity: str = "blocking", count_failed: int = 0, after: timedelta = timedelta(seconds=5)
) -> None:
    row = {
        "run_id": f"run {datetime.now(UTC)}",
        "table_name": str(CONTACTS),
        "rule_id": "contacts.contact_id.unique",
        "severity": severity,
        "observed": f"{count_failed} of 9 rows bad",
        "expected": "no rows",
    }
    record(
        "quality_results",
        [row | {"is_passed": is_passed, "count_failed": count_failed, "checked_at": datetime.now(UTC) + after}],
        settings().lake,
    )


def _window(run_id: str = "r1", is_full: bool = False) -> BatchWindow:
    return BatchWindow.of(AS_OF, AS_OF, run_id, is_full=is_full)


def test_a_checked_table_without_failures_may_be_built_on(home: Path) -> None:
    _write(CONTACTS)
    _gate_says(True)
    require_checked_and_open([CONTACTS, silver("products")])  # products was never delivered: nothing to check


def test_a_blocked_gate_names_table_rule_and_rows(home: Path) -> None:
    _write(CONTACTS)
    _gate_says(False, count_failed=7)
    with pytest.raises(QualityGateFailed, match=r"silver\.contacts.*contacts\.contact_id\.unique: 7 of 9 rows bad"):
        require_checked_and_open([CONTACTS])


def test_a_later_pass_opens_the_gate_again(home: Path) -> None:
    _write(CONTACTS)
    _gate_says(False, count_failed=7)
    _gate_says(True, after=timedelta(seconds=9))
    require_checked_and_open([CONTACTS])


def test_a_warning_blocks_nothing(home: Path) -> None:
    _write(CONTACTS)
    _gate_says(False, severity="warning", count_failed=2)
    require_checked_and_open([CONTACTS])


def test_a_table_changed_after_its_gate_has_to_be_checked_first(home: Path) -> None:
    _gate_says(True, after=timedelta(seconds=-5))
    _write(CONTACTS)
    with pytest.raises(GateNotFinishedError, match=r"silver\.contacts"):
        require_checked_and_open([CONTACTS])


def test_nothing_is_built_while_nothing_was_loaded(home: Path) -> None:
    with pytest.raises(
        NothingLoadedError, match=r"nothing to build profiles from: no silver\.contacts, .*sources\.yml.*run again"
    ):
        run_gold("build", _window())


def test_empty_tables_may_be_built_on_and_a_missing_one_is_named(home: Path) -> None:
    for table in SILVER_TABLES:
        with pytest.raises(NothingLoadedError, match=rf"no {table}"):
            require_loaded([table])
        _write(table, rows=0)
    require_loaded(list(SILVER_TABLES))


def test_gold_tables_with_expectations_are_gated() -> None:
    assert gold("dim_customers") in gated_gold()


def test_gold_is_built_once_for_the_same_inputs(home: Path) -> None:
    _write(CONTACTS)
    _write(gold("dim_customers"))
    assert not is_gold_current(_window())
    record_gold_started(_window())
    assert not is_gold_current(_window())  # a build that was killed does not count
    record_gold_built(_window())
    assert is_gold_current(_window("r2"))


def test_a_build_does_not_go_back_to_when_its_run_began(home: Path) -> None:
    began = datetime.now(UTC) - timedelta(minutes=20)
    since = BatchWindow.of(began, began + timedelta(minutes=10), "other")
    record_gold_started(since)
    record_gold_built(since)
    asked = BatchWindow.of(began, began, "mine", as_of=began)
    assert as_built(replace(asked, is_exact=False), settings().lake).as_of == since.as_of.replace(microsecond=0)
    assert as_built(asked, settings().lake) == asked


@pytest.mark.parametrize("change", ["silver", "as_of", "full"])
def test_gold_is_built_again_when_something_it_depends_on_changes(home: Path, change: str) -> None:
    _write(CONTACTS)
    _write(gold("dim_customers"))
    record_gold_started(_window())
    record_gold_built(_window())
    later = _window("r2", is_full=change == "full")
    if change == "silver":
        _write(CONTACTS)
    if change == "as_of":
        later = replace(later, as_of=AS_OF + timedelta(days=1))
    assert not is_gold_current(later)


def test_silver_that_moves_on_during_a_build_is_not_taken_for_built(home: Path) -> None:
    _write(CONTACTS)
    _write(gold("dim_customers"))
    record_gold_started(_window())
    _write(CONTACTS)
    record_gold_built(_window())
    assert not is_gold_current(_window("r2"))


def test_what_changed_is_what_is_built_again(home: Path) -> None:
    _write(CONTACTS)
    _write(gold("dim_customers"))
    record_gold_started(_window())
    record_gold_built(_window())
    _write(CONTACTS)
    later = replace(_window("r2"), as_of=AS_OF + timedelta(days=1))
    assert changed_inputs(later) == {"silver.contacts", "as_of"}
    assert selection(changed_inputs(later)) == "source:silver.contacts+ int_run_inputs+"
    assert selection({"segments"}) == "segment_members+"
    assert selection({"dbt_project", "as_of"}) is None


def test_a_build_that_did_not_finish_leaves_everything_outdated(home: Path) -> None:
    _write(gold("dim_customers"))
    record_gold_started(_window())
    record_gold_built(_window())
    later = replace(_window("r2"), as_of=AS_OF + timedelta(days=1))
    record_gold_started(later)
    assert changed_inputs(_window("r3")) == set(gold_inputs(_window())), "tables may be as of another day"


@pytest.mark.parametrize("ends_first", ["r1", "r2"])
def test_builds_that_ran_into_each_other_leave_everything_outdated_and_no_progress(home: Path, ends_first: str) -> None:
    _write(gold("dim_customers"))
    _write(gold("int_gold_progress"))
    other = replace(_window("r2"), as_of=AS_OF + timedelta(days=1))
    record_gold_started(_window())
    record_gold_started(other)
    for window in sorted([_window(), other], key=lambda window: window.run_id != ends_first):
        record_gold_built(window)
    for window in (_window(), other):
        assert changed_inputs(window) == set(gold_inputs(window))
    assert DeltaTable(gold("int_gold_progress").location(settings().lake)).count() == 0
    record_gold_started(_window("r3"))
    record_gold_built(_window("r3"))
    assert is_gold_current(_window("r4"))


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a session, there is none that could have to forget tables."""
    monkeypatch.setattr("lakehouse.gold.build.forget_missing", lambda layer: None)


def test_a_build_that_another_one_overtook_writes_no_further_model(home: Path, no_engine: None) -> None:
    first, second = _window("first"), replace(_window("second"), as_of=AS_OF + timedelta(days=1))
    assert begin_build(first)
    with writing_for(first):
        pass
    assert begin_build(second)
    with pytest.raises(BuildOvertakenError, match="run second has begun"), writing_for(first):
        raise AssertionError("the model must not run")
    with writing_for(second):
        pass


def test_a_build_does_not_begin_while_a_model_of_another_is_written(
    home: Path, no_engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_QUERY_TIMEOUT_SECONDS", "1")
    settings.cache_clear()
    first, second = _window("first"), _window("second", is_full=True)
    begin_build(first)
    with writing_for(first), writing_for(first), pytest.raises(GoldBusyError):
        begin_build(second)
    with writing_for(first):
        pass  # and it has not begun
    assert begin_build(second)
