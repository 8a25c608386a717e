"""A producer for asyncio: `send` returns when the cluster has all messages, on all in-sync replicas, each of them once.

librdkafka batches, retries and orders; a thread hands its reports back to the event loop, once per call of `send`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from confluent_kafka import KafkaException, Producer

from lakehouse.kafka.access import KafkaAccess
from lakehouse.kafka.topics import KafkaUnavailableError

log = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
_FLUSH_SECONDS = 10.0


class Message(NamedTuple):
    """What is sent; messages with the same key stay in order."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class AcknowledgedProducer:
    """Sends messages from one event loop.

    Args:
        access: the cluster.
        patience_seconds: after that a message counts as not sent; librdkafka has given it up by then.
    """

    def __init__(self, access: KafkaAccess, patience_seconds: float = 2.0) -> None:
        self._servers = access.servers
        self._producer = Producer(
            access.for_librdkafka()
            | {
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",  # as Kafka's Java clients
                "compression.type": "lz4",
                "linger.ms": 2,
                "delivery.timeout.ms": int(patience_seconds * 1000),
                "queue.buffering.max.messages": 100_000,
                "queue.buffering.max.kbytes": 64 * 1024,
                "logger": log,
            }
        )
        self._is_closing = threading.Event()
        self._reports = threading.Thread(target=self._poll, name="kafka-reports", daemon=True)
        self._reports.start()

    async def send(self, messages: Sequence[Message]) -> None:
        """Send the messages, and return when all are acknowledged.

        Raises:
            KafkaUnavailableError: at least one is not; others of them may be.
        """
        waiting = _Waiting(asyncio.get_running_loop(), len(messages))
        for at, message in enumerate(messages):
            try:
                self._producer.produce(
                    message.topic,
                    message.value,
                    message.key,
                    headers=list(message.headers),
                    on_delivery=waiting.reported,
                )
            except BufferError:
                waiting.refused("too many messages are waiting for it", len(messages) - at)
                break
            except KafkaException as error:
                waiting.refused(error.args[0].name(), len(messages) - at)
                break
        if problem := await waiting.done:
            raise KafkaUnavailableError(self._servers, problem)

    def close(self) -> None:
        """Wait for what is under way, and end."""
        self._producer.flush(_FLUSH_SECONDS)
        self._is_closing.set()
        self._reports.join(_FLUSH_SECONDS)

    def _poll(self) -> None:
        while not self._is_closing.is_set():
            self._producer.poll(_POLL_SECONDS)


class _Waiting:
    """Counts the reports of one call of `send`; `done` is why not all were sent, or empty."""

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._left = count
        self._problem = ""
        self.done: asyncio.Future[str] = loop.create_future()
        if not count:
            self.done.set_result("")

    def reported(self, error: Any, _: Any) -> None:
        """Called by the thread of reports."""
        self.refused("" if error is None else error.name(), 1)

    def refused(self, problem: str, count: int) -> None:
        """So many messages are settled, with a problem or without."""
        with self._lock:
            self._problem = self._problem or problem
            self._left -= count
            is_last = self._left == 0
        if is_last:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if not self.done.done():
            self.done.set_result(self._problem)
