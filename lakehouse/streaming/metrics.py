"""What Prometheus is told of the queries of the streaming job, from the progress that Spark reports of each batch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Gauge


def lag_of(progress: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Messages behind the newest one, by topic and partition, when the batch was made."""
    found: dict[tuple[str, str], int] = {}
    for source in progress["sources"]:
        ends = source["endOffset"] or {}
        for topic, newest in (source["latestOffset"] or {}).items():
            for partition, offset in newest.items():
                found[topic, partition] = max(offset - ends.get(topic, {}).get(partition, 0), 0)
    return found


def watermark_seconds(progress: Mapping[str, Any], now: datetime) -> float | None:
    """How long ago the watermark is; None without one, or before the first event."""
    said = progress.get("eventTime", {}).get("watermark")
    if said is None or said.startswith("1970-"):
        return None
    return (now - datetime.fromisoformat(said).astimezone(UTC)).total_seconds()


class StreamMetrics:
    """Gauges of the last batch of each query.

    Attributes:
        registry: all of them.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lag = self._gauge("lag", "Messages behind the newest one in Kafka", "topic", "partition")
        self._input = self._gauge("input_rows_per_second", "Messages that came, by second")
        self._processed = self._gauge("processed_rows_per_second", "Messages that were worked off, by second")
        self._seconds = self._gauge("batch_seconds", "Seconds that the batch took")
        self._state = self._gauge("state_rows", "Rows that are kept between batches")
        self._dropped = self._gauge("late_rows", "Rows of the batch that came after the watermark")
        self._watermark = self._gauge("watermark_age_seconds", "Age of the watermark")
        self._batch = self._gauge("batch_id", "Number of the batch")

    def observe(self, query: str, progress: Mapping[str, Any], now: datetime) -> None:
        """Take the progress of the last batch of a query."""
        for (topic, partition), count in lag_of(progress).items():
            self._lag.labels(query, topic, partition).set(count)
        self._input.labels(query).set(progress.get("inputRowsPerSecond", 0))
        self._processed.labels(query).set(progress.get("processedRowsPerSecond", 0))
        self._seconds.labels(query).set(progress["durationMs"].get("triggerExecution", 0) / 1000)
        states = progress["stateOperators"]
        self._state.labels(query).set(sum(each["numRowsTotal"] for each in states))
        self._dropped.labels(query).set(sum(each["numRowsDroppedByWatermark"] for each in states))
        self._batch.labels(query).set(progress["batchId"])
        if (age := watermark_seconds(progress, now)) is not None:
            self._watermark.labels(query).set(age)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"lakehouse_stream_{name}", meaning, ["query", *labels], registry=self.registry)
