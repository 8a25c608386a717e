"""Foreign errors in our words."""

from __future__ import annotations

import pytest

from lakehouse.config.settings import settings
from lakehouse.errors import (
    CommitConflictError,
    DiskFullError,
    EngineMemoryError,
    EngineUnavailableError,
    LakehouseError,
    NoAccessError,
    TerminalError,
)
from lakehouse.spark.error_translation import took_too_long, translate
from tests.support.homes import Home

SAIL_MEMORY = (
    "Failed to allocate additional 448.0 KB for AggregateStream[0] with 141.2 MB already allocated"
    " - 370.7 KB remain available"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Resources exhausted: {SAIL_MEMORY}", EngineMemoryError),
        (SAIL_MEMORY, EngineMemoryError),
        ("Job aborted: java.lang.OutOfMemoryError: Java heap space", EngineMemoryError),
        ("[UNABLE_TO_ACQUIRE_MEMORY] Unable to acquire 65536 bytes of memory", EngineMemoryError),
        ("External error: Failed to commit transaction: 15", CommitConflictError),
        ("[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added", CommitConflictError),
        ("<_InactiveRpcError: StatusCode.UNAVAILABLE details = 'Socket closed'>", EngineUnavailableError),
        ("[INVALID_CONNECT_URL] Invalid URL for Spark Connect: The path component", EngineUnavailableError),
        (
            "Runtime Error in model fct_orders:"
            f" {EngineUnavailableError('sail died (killed by signal 9) under `a query`')}",
            EngineUnavailableError,
        ),
        (
            "Runtime Error in model fct_orders:"
            f" {EngineUnavailableError('sail is gone or was restarted under `a query`')}",
            EngineUnavailableError,
        ),
        (f"Runtime Error in model fct_orders: {EngineMemoryError('a query', '4.0 GB')}", EngineMemoryError),
        (f"Runtime Error in model fct_orders: {CommitConflictError('gold.fct_orders', 5)}", CommitConflictError),
        ("External error: Failed to commit transaction: No space left on device (os error 28)", DiskFullError),
        ("External error: Unable to open file /lake/x.parquet: Permission denied (os error 13)", NoAccessError),
    ],
)
def test_is_mapped(text: str, expected: type[LakehouseError], new_home: Home) -> None:
    assert type(translate(RuntimeError(text), settings(), "")) is expected


@pytest.mark.parametrize(
    "error",
    [
        ValueError("column x not found"),
        KeyError("memory"),
        RuntimeError("[UNRESOLVED_COLUMN] commit_date cannot be resolved"),
    ],
)
def test_is_left_alone(error: Exception, new_home: Home) -> None:
    assert translate(error, settings(), "") is None


def test_a_deadline_stays_one_when_dbt_hands_on_its_words(new_home: Home) -> None:
    said = translate(RuntimeError(f"Runtime Error: {took_too_long(settings())}"), settings(), "")
    assert isinstance(said, EngineUnavailableError) and "LAKEHOUSE_QUERY_TIMEOUT_SECONDS" in said.remedy


def test_ours_stays_ours(new_home: Home) -> None:
    ours = TerminalError("a", "b")
    assert translate(ours, settings(), "") is ours
