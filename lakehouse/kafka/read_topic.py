"""All messages that a topic has at this moment, without a group: nothing is remembered at the broker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import Message as Received

from lakehouse.kafka.access import KafkaAccess
from lakehouse.kafka.topics import KafkaUnavailableError, Topic

_SECONDS = 30.0


class Kept(NamedTuple):
    """A message of a topic.

    Attributes:
        partition, offset: where it is.
        at: when the broker, or the sender, wrote it; UTC.
        value: as it was sent.
        headers: by name, as text.
    """

    partition: int
    offset: int
    at: datetime
    value: bytes
    headers: dict[str, str]

    @property
    def place(self) -> str:
        """Where it is: partition:offset."""
        return f"{self.partition}:{self.offset}"


def read_topic(access: KafkaAccess, topic: Topic) -> Iterator[Kept]:
    """The messages that the topic has when this begins, each partition in order.

    Raises:
        KafkaUnavailableError: no broker answers in time.
    """
    try:
        yield from _read(access, topic)
    except KafkaException as error:
        raise KafkaUnavailableError(access.servers, error.args[0].name()) from None


def _read(access: KafkaAccess, topic: Topic) -> Iterator[Kept]:
    chosen = {"group.id": "lakehouse-reader", "enable.auto.commit": False, "enable.partition.eof": True, "log_level": 0}
    consumer = Consumer(access.for_librdkafka() | chosen)
    try:
        left = {
            number
            for number in range(topic.partitions)
            if len(set(consumer.get_watermark_offsets(TopicPartition(topic.name, number), timeout=_SECONDS))) == 2
        }
        consumer.assign([TopicPartition(topic.name, number, OFFSET_BEGINNING) for number in sorted(left)])
        while left:
            message = consumer.poll(_SECONDS)
            if message is None:
                raise KafkaUnavailableError(access.servers, "it sends no messages")
            error = message.error()
            if error is None:
                yield _kept(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
            else:
                raise KafkaException(error)
    finally:
        consumer.close()


def _kept(message: Received) -> Kept:
    kind, milliseconds = message.timestamp()
    at = datetime.fromtimestamp(0 if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds / 1000, UTC)
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in message.headers() or ()}
    return Kept(message.partition(), message.offset(), at, message.value() or b"", headers)
