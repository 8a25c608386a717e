"""A real Kafka and a real Redis: on loopback, with passwords, and with their data kept from one start to the next."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from lakehouse.config.settings import settings
from lakehouse.errors import ConfigurationError
from lakehouse.kafka.access import kafka_access, password_file
from lakehouse.kafka.topics import (
    TOPICS,
    WEB_EVENTS,
    FewerPartitionsError,
    KafkaUnavailableError,
    Topic,
    create_topics,
)
from lakehouse.profiles.redis_access import redis_password_file, redis_url
from lakehouse.services import group
from lakehouse.services.servers import GROUP
from tests.support.homes import Home, free_ports
from tests.support.near_real_time import started_in

needs_java = [pytest.mark.spark, pytest.mark.slow]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with started_in(tmp_path_factory.mktemp("servers"), "services", "up") as home:
        yield home


class TestRunning:
    """With the servers up."""

    pytestmark = needs_java

    def test_only_loopback_is_listened_on(self, servers: Home) -> None:
        pids = {part.pid for part in group.status(GROUP).parts}
        listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.pid in pids]
        assert len(listening) >= 3  # Redis, Kafka's clients and its controller
        assert {c.laddr.ip.removeprefix("::ffff:") for c in listening} == {"127.0.0.1"}

    def test_nobody_gets_in_without_the_password(self, servers: Home) -> None:
        wrong = kafka_access(settings()).for_librdkafka() | {"sasl.password": "guessed", "log_level": 0}
        with pytest.raises(KafkaException):
            AdminClient(wrong).list_topics(timeout=3)
        with redis.Redis(port=settings().redis_port) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        for file in (password_file(settings()), redis_password_file(settings())):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_topics_are_as_declared_and_created_once(self, servers: Home) -> None:
        access = kafka_access(settings())
        assert create_topics(access) == []
        found = AdminClient(access.for_librdkafka()).list_topics(timeout=10).topics
        assert {topic.name: topic.partitions for topic in TOPICS} == {
            name: len(found[name].partitions) for name in found if not name.startswith("__")
        }

    def test_too_few_partitions_are_reported(self, servers: Home) -> None:
        with pytest.raises(FewerPartitionsError, match=r"web_events has 4 partitions instead of 9"):
            create_topics(kafka_access(settings()), [Topic("web_events", 9, 7, "")])

    def test_data_outlives_a_restart(self, servers: Home) -> None:
        access = kafka_access(settings())
        producer = Producer(access.for_librdkafka())
        producer.produce(WEB_EVENTS.name, b"{}", key=b"someone")
        assert producer.flush(20) == 0
        with redis.Redis.from_url(redis_url(settings())) as client:
            client.set("kept", "yes")
        assert group.down(GROUP).state == "stopped"
        assert group.up(GROUP).state == "running"
        with redis.Redis.from_url(redis_url(settings())) as client:
            assert client.get("kept") == b"yes"
        consumer = Consumer(access.for_librdkafka() | {"group.id": "test", "auto.offset.reset": "earliest"})
        consumer.subscribe([WEB_EVENTS.name])
        message = consumer.poll(60)
        consumer.close()
        assert message is not None and message.error() is None and message.key() == b"someone"


def test_a_port_in_use_is_named_before_anything_starts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("LAKEHOUSE_REDIS_PORT", str(taken.getsockname()[1]))
        settings.cache_clear()
        with pytest.raises(ConfigurationError, match=r"LAKEHOUSE_REDIS_PORT: port \d+ on 127.0.0.1 is in use by pid"):
            group.up(GROUP)
    assert not (home / "services" / "servers" / "state.json").exists()


def test_servers_elsewhere_are_not_started_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_KAFKA_SERVERS", f"127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setenv("LAKEHOUSE_KAFKA_PROTOCOL", "PLAINTEXT")
    monkeypatch.setenv("LAKEHOUSE_REDIS_URL", "redis://example.com:6379/0")
    settings.cache_clear()
    assert GROUP.parts() == []
    assert redis_url(settings()) == "redis://example.com:6379/0"
    monkeypatch.setattr("lakehouse.kafka.topics._SECONDS", 0.5)
    with pytest.raises(KafkaUnavailableError, match=r"Kafka at 127.0.0.1:\d+ does not answer.*LAKEHOUSE_KAFKA_SERVERS"):
        create_topics(kafka_access(settings()))
