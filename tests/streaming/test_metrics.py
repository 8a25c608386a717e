"""The progress that Spark reports of a batch, as metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import generate_latest

from lakehouse.streaming.metrics import StreamMetrics, lag_of, watermark_seconds

NOW = datetime(2026, 11, 27, 8, 10, tzinfo=UTC)
PROGRESS: dict[str, Any] = {
    "batchId": 7,
    "inputRowsPerSecond": 120.5,
    "processedRowsPerSecond": 300.0,
    "durationMs": {"triggerExecution": 250},
    "eventTime": {"watermark": "2026-11-27T08:00:00.000Z"},
    "stateOperators": [{"numRowsTotal": 40, "numRowsDroppedByWatermark": 2}],
    "sources": [
        {
            "endOffset": {"web_events": {"0": 10, "1": 5}},
            "latestOffset": {"web_events": {"0": 12, "1": 5, "2": 3}},
        }
    ],
}


def test_lag_is_what_the_batch_left_in_each_partition() -> None:
    assert lag_of(PROGRESS) == {("web_events", "0"): 2, ("web_events", "1"): 0, ("web_events", "2"): 3}
    assert lag_of({"sources": [{"endOffset": None, "latestOffset": None}]}) == {}


@pytest.mark.parametrize(
    "event_time", [{}, {"eventTime": {}}, {"eventTime": {"watermark": "1970-01-01T00:00:00.000Z"}}]
)
def test_before_the_first_event_there_is_no_watermark(event_time: dict[str, Any]) -> None:
    assert watermark_seconds(event_time, NOW) is None


def test_each_query_has_its_own_figures() -> None:
    metrics = StreamMetrics()
    metrics.observe("signals", PROGRESS, NOW)
    metrics.observe("bronze", PROGRESS | {"stateOperators": [], "batchId": 9, "eventTime": {}}, NOW)
    lines = generate_latest(metrics.registry).decode().splitlines()
    for line in (
        'lakehouse_stream_lag{partition="0",query="signals",topic="web_events"} 2.0',
        'lakehouse_stream_input_rows_per_second{query="signals"} 120.5',
        'lakehouse_stream_batch_seconds{query="signals"} 0.25',
        'lakehouse_stream_state_rows{query="signals"} 40.0',
        'lakehouse_stream_late_rows{query="signals"} 2.0',
        'lakehouse_stream_watermark_age_seconds{query="signals"} 600.0',
        'lakehouse_stream_batch_id{query="bronze"} 9.0',
        'lakehouse_stream_state_rows{query="bronze"} 0.0',
    ):
        assert line in lines
    assert not any(line.startswith('lakehouse_stream_watermark_age_seconds{query="bronze"') for line in lines)
