"""bronze.web_events, bronze.email_events, hot signals and refusals. Bronze has one row per message, append only.

Input: Kafka. Output: the tables, key `_partition`, `_offset`; in the profile store what each customer did by hour, and
the product viewed last; who must not be written to any more, in ops.platform_refusals and the profile store. Runs until
SIGTERM, then ends after the batches under way; a restart goes on from there.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from prometheus_client import start_http_server
from pyspark.sql.streaming.query import StreamingQuery

from lakehouse.config.settings import check_lake, environment_secrets, settings
from lakehouse.errors import ConfigurationError
from lakehouse.kafka.access import kafka_access
from lakehouse.kafka.topics import EMAIL_EVENTS, WEB_EVENTS
from lakehouse.profiles.stores import hot_store
from lakehouse.services.own_port import HOST
from lakehouse.services.stream_job import mark_ready, stream_folder
from lakehouse.storage.discovery import is_remote
from lakehouse.streaming.metrics import StreamMetrics
from lakehouse.streaming.queries import create_bronze, start_bronze
from lakehouse.streaming.refusal_writes import writer_of
from lakehouse.streaming.refusals import start_refusals
from lakehouse.streaming.session import stream_session
from lakehouse.streaming.signals_query import SIGNALS_STATE, start_signals
from lakehouse.tables import Layer, TableRef
from lakehouse.utils.atomic_files import keep_new_files_private
from lakehouse.utils.log_records import clean_log_records

log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5  # between two looks at the queries
_BATCH_SECONDS = 15.0  # a batch under way may take so long at a stop; then it is repeated by the next start


def main() -> int:
    keep_new_files_private()
    clean_log_records(environment_secrets())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    chosen = settings()
    check_lake(chosen)
    if is_remote(chosen.lake):
        expected = "a lake on this machine: the streaming job does not write to object stores yet"
        raise ConfigurationError("LAKEHOUSE_LAKE_ROOT", None, f"the lake is {chosen.lake}", expected)
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    spark = stream_session(chosen)
    access, checkpoints = kafka_access(chosen), stream_folder(chosen) / "checkpoints"
    web, email = (TableRef(Layer.BRONZE, topic.name).location(chosen.lake) for topic in (WEB_EVENTS, EMAIL_EVENTS))
    create_bronze(spark, web)
    create_bronze(spark, email)
    queries = [
        start_bronze(spark, access, web, checkpoints / "bronze"),
        start_bronze(spark, access, email, checkpoints / "bronze_email_events", EMAIL_EVENTS),
        start_refusals(spark, access, writer_of(chosen), checkpoints / "refusals"),
        start_signals(spark, access, hot_store(chosen), checkpoints / SIGNALS_STATE),
    ]
    metrics = StreamMetrics()
    start_http_server(chosen.stream_metrics_port, HOST, metrics.registry)
    mark_ready(chosen)
    while not stopping and all(query.isActive for query in queries):
        _observe(metrics, queries)
        time.sleep(_LOOK_SECONDS)
    has_failed = not stopping
    for query in queries:
        _end(query)
    return 1 if has_failed else 0


def _observe(metrics: StreamMetrics, queries: Sequence[StreamingQuery]) -> None:
    for query in queries:
        if progress := query.lastProgress:
            metrics.observe(query.name, json.loads(progress.json), datetime.now(UTC))


def _end(query: StreamingQuery) -> None:
    """End a query between two batches, if the one under way ends in time."""
    until = time.monotonic() + _BATCH_SECONDS
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < until:
        time.sleep(0.05)
    if error := query.exception():
        log.error("query %s failed: %s", query.name, type(error).__name__)
    query.stop()


if __name__ == "__main__":
    sys.exit(main())
