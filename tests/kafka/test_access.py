"""Where Kafka is and how to log in."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.config.settings import settings
from lakehouse.errors import ConfigurationError
from lakehouse.kafka.access import kafka_access, password_file
from lakehouse.utils.atomic_files import write_private

REMOTE = {"kafka_servers": "kafka.example.com:9093", "kafka_user": "lake", "kafka_password": 'p"w\\'}


def test_without_any_kafka_the_message_says_how_to_get_one(home: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"LAKEHOUSE_KAFKA_SERVERS: no Kafka is known.*lakehouse services up"):
        kafka_access(settings())


def test_the_broker_of_the_home_is_used_with_its_password(home: Path) -> None:
    write_private(password_file(settings()), "secret")
    access = kafka_access(settings().model_copy(update={"kafka_port": 1234}))
    assert access.for_librdkafka() == {
        "bootstrap.servers": "127.0.0.1:1234",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "lakehouse",
        "sasl.password": "secret",
    }
    assert "secret" not in repr(access)


def test_a_cluster_elsewhere_is_used_with_its_login_and_certificates(home: Path) -> None:
    access = kafka_access(settings().model_copy(update=REMOTE | {"kafka_ca_file": "/ca.pem"}))
    assert access.for_librdkafka() == {
        "bootstrap.servers": "kafka.example.com:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "lake",
        "sasl.password": 'p"w\\',
        "ssl.ca.location": "/ca.pem",
    }
    assert access.for_spark() == {
        "kafka.bootstrap.servers": "kafka.example.com:9093",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
        "kafka.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required"
        ' username="lake" password="p\\"w\\\\";',
        "kafka.ssl.truststore.type": "PEM",
        "kafka.ssl.truststore.location": "/ca.pem",
    }


def test_a_missing_login_is_named(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="LAKEHOUSE_KAFKA_USER and LAKEHOUSE_KAFKA_PASSWORD"):
        kafka_access(settings().model_copy(update=REMOTE | {"kafka_user": ""}))


def test_a_cluster_without_login_needs_none(home: Path) -> None:
    access = kafka_access(settings().model_copy(update={"kafka_servers": "k:9092", "kafka_protocol": "PLAINTEXT"}))
    assert access.for_librdkafka() == {"bootstrap.servers": "k:9092", "security.protocol": "PLAINTEXT"}
