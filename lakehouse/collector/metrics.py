"""What the collector counts for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class CollectorMetrics:
    """Counts of one collector.

    Attributes:
        registry: all of them, and what the application measures itself.
        accepted, dead_letters: events that are durable, in their topic or as dead letters.
        spool_bytes: what waits on disk for Kafka.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        events = Counter(
            "lakehouse_collector_events",
            "Events that were answered with 200, by what became of them",
            ["result"],
            registry=self.registry,
        )
        self.accepted, self.dead_letters = events.labels("accepted"), events.labels("dead_letter")
        self.spool_bytes = Gauge(
            "lakehouse_collector_spool_bytes", "Bytes that wait on disk for Kafka", registry=self.registry
        )
