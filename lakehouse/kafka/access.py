"""Where Kafka is and how to log in, as librdkafka and as Spark want to be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.config.settings import Settings
from lakehouse.errors import ConfigurationError

LOCAL_USER = "lakehouse"
_LOGIN = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}


@dataclass(frozen=True)
class KafkaAccess:
    """The servers of a Kafka cluster (host:port, comma separated) and the login there; no user without SASL."""

    servers: str
    protocol: str
    mechanism: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""

    def for_librdkafka(self) -> dict[str, str]:
        """Settings of a client of confluent-kafka."""
        chosen = {"bootstrap.servers": self.servers, "security.protocol": self.protocol}
        if self._has_login:
            chosen |= {"sasl.mechanism": self.mechanism, "sasl.username": self.user, "sasl.password": self.password}
        return chosen | ({"ssl.ca.location": self.ca_file} if self.ca_file else {})

    def for_spark(self) -> dict[str, str]:
        """Options of Spark's Kafka source."""
        chosen = {"kafka.bootstrap.servers": self.servers, "kafka.security.protocol": self.protocol}
        if self._has_login:
            chosen |= {
                "kafka.sasl.mechanism": self.mechanism,
                "kafka.sasl.jaas.config": jaas_line(self.mechanism, self.user, self.password),
            }
        if self.ca_file:
            chosen |= {"kafka.ssl.truststore.type": "PEM", "kafka.ssl.truststore.location": self.ca_file}
        return chosen

    @property
    def _has_login(self) -> bool:
        return self.protocol.startswith("SASL")


def jaas_line(mechanism: str, user: str, password: str, **more: str) -> str:
    """A login as Kafka's Java programs are told it."""
    options = {"username": user, "password": password, **more}
    said = " ".join(f'{name}="{_quoted(value)}"' for name, value in options.items())
    return f"{_LOGIN[mechanism]} required {said};"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def password_file(chosen: Settings) -> Path:
    """The password of the broker of `lakehouse services`, made when that is started first."""
    return chosen.home / "services" / "kafka" / "password"


def kafka_access(chosen: Settings) -> KafkaAccess:
    """The cluster that the settings name, or the broker of `lakehouse services` in this home.

    Raises:
        ConfigurationError: a login is missing, or neither is there.
    """
    if not chosen.kafka_servers:
        file = password_file(chosen)
        if not file.exists():
            expected = "host:port of a Kafka; or start a broker on this machine with `lakehouse services up`"
            raise ConfigurationError("LAKEHOUSE_KAFKA_SERVERS", None, "no Kafka is known", expected)
        password = file.read_text(encoding="utf-8")
        return KafkaAccess(f"127.0.0.1:{chosen.kafka_port}", "SASL_PLAINTEXT", "PLAIN", LOCAL_USER, password)
    if chosen.kafka_protocol.startswith("SASL") and not (chosen.kafka_user and chosen.kafka_password):
        problem = f"{chosen.kafka_protocol} needs LAKEHOUSE_KAFKA_USER and LAKEHOUSE_KAFKA_PASSWORD, and one is not set"
        raise ConfigurationError("LAKEHOUSE_KAFKA_PROTOCOL", None, problem, "both of them, or SSL or PLAINTEXT")
    return KafkaAccess(
        chosen.kafka_servers,
        chosen.kafka_protocol,
        chosen.kafka_mechanism,
        chosen.kafka_user,
        chosen.kafka_password,
        chosen.kafka_ca_file,
    )
