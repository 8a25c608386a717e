"""The near real time part in a home of its own, started once for all tests that need it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from lakehouse.config.settings import settings
from lakehouse.kafka.access import kafka_access
from lakehouse.kafka.topics import Topic
from lakehouse.services import near_real_time
from tests.support.homes import Home, free_ports

PORTS = ("KAFKA_PORT", "REDIS_PORT", "COLLECTOR_PORT", "PROFILE_API_PORT", "STREAM_METRICS_PORT")


@contextmanager
def started_in(folder: Path, *command: str, **variables: str) -> Iterator[Home]:
    """This process works in a home in which `lakehouse <command>` has run; everything in it is stopped in the end.

    `variables` are of the environment of what is started.
    """
    home = Home(folder, variables=variables)
    ports = {f"LAKEHOUSE_{name}": str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home.environment(**ports).items():
            if name.startswith("LAKEHOUSE_"):
                patch.setenv(name, value)
        settings.cache_clear()
        try:
            home.lakehouse(*command, **ports)
            yield home
        finally:
            near_real_time.stop()
            settings.cache_clear()
    settings.cache_clear()


def messages_in(topic: Topic, count: int) -> list[dict[str, Any]]:
    """The first messages of a topic, by their key and in order, with key, headers and decoded value."""
    return _read(topic, lambda consumer: consumer.consume(count, timeout=30))


def all_messages_in(topic: Topic) -> list[dict[str, Any]]:
    """All messages that the topic has now, in the same form."""

    def read(consumer: Consumer) -> list[Any]:
        ends = [
            consumer.get_watermark_offsets(TopicPartition(topic.name, number), timeout=30)
            for number in range(topic.partitions)
        ]
        return consumer.consume(sum(high - low for low, high in ends), timeout=30)

    return _read(topic, read)


def _read(topic: Topic, read: Callable[[Consumer], list[Any]]) -> list[dict[str, Any]]:
    access = kafka_access(settings()).for_librdkafka()
    consumer = Consumer(access | {"group.id": "tests", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic.name, number, OFFSET_BEGINNING) for number in range(topic.partitions)])
    found = read(consumer)
    consumer.close()
    return [
        {"key": each.key(), "headers": dict(each.headers() or ()), "value": json.loads(each.value())} for each in found
    ]
