"""A Kafka broker for one machine (KRaft, one node): from its Maven jars, loopback only, with a password.

Every user of a machine can reach its loopback ports, and events are personal data: so clients log in with a password
that only the owner of the home can read.
"""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from lakehouse.config.settings import Settings, settings
from lakehouse.engine.java import java_binary
from lakehouse.engine.locked_jars import locked_jars
from lakehouse.errors import EngineUnavailableError
from lakehouse.kafka.access import LOCAL_USER, KafkaAccess, jaas_line, kafka_access, password_file
from lakehouse.services.group import Part
from lakehouse.services.own_port import HOST, check_port, free_port, is_listening
from lakehouse.utils.atomic_files import make_private_folder, write_private, write_private_once

LOCK = Path(__file__).with_name("kafka.lock")
_ALTERNATIVE = "set LAKEHOUSE_KAFKA_SERVERS to a Kafka that runs elsewhere."
_FORMAT_SECONDS = 120
_JVM = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true")
_LOG4J = """rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %.1000m%n%ex{20}
"""


def kafka_part() -> Part:
    """The broker, ready to be started; its jars are fetched first.

    Raises:
        ConfigurationError: no Java, or the port is in use.
        EngineUnavailableError: the jars cannot be fetched, or its storage cannot be formatted.
    """
    chosen = settings()
    java = java_binary(chosen, "Kafka's broker")
    jars = locked_jars(chosen, LOCK, "Kafka's broker", _ALTERNATIVE)
    check_port(chosen.kafka_port, "LAKEHOUSE_KAFKA_PORT")
    write_private_once(password_file(chosen), secrets.token_urlsafe(24))
    access = kafka_access(chosen.model_copy(update={"kafka_servers": ""}))
    folder = chosen.home / "services" / "kafka"
    make_private_folder(folder / "data")
    write_private(folder / "log4j2.properties", _LOG4J)
    write_private(folder / "server.properties", _properties(server_properties(chosen, access, free_port())))
    command = [str(java), *_JVM, f"-Dlog4j2.configurationFile={(folder / 'log4j2.properties').as_uri()}"]
    command += ["-cp", os.pathsep.join(map(str, jars))]
    if not (folder / "data" / "meta.properties").exists():
        _format(command, folder)
    return Part(
        "kafka",
        (*command, "kafka.Kafka", str(folder / "server.properties")),
        access.servers,
        lambda: is_listening(chosen.kafka_port) and _answers(access),
    )


def server_properties(chosen: Settings, access: KafkaAccess, controller_port: int) -> dict[str, str]:
    """Settings of a broker that is its own controller and keeps one copy of everything."""
    login = jaas_line("PLAIN", access.user, access.password, **{f"user_{LOCAL_USER}": access.password})
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "listeners": f"CLIENTS://{access.servers},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"CLIENTS://{access.servers}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENTS",
        "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.clients.plain.sasl.jaas.config": login,
        "listener.name.controller.plain.sasl.jaas.config": login,
        "log.dirs": str(chosen.home / "services" / "kafka" / "data"),
        "auto.create.topics.enable": "false",
        "default.replication.factor": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "2",
        "num.io.threads": "2",
        "log.segment.bytes": str(64 * 1024**2),
        "log.cleaner.dedupe.buffer.size": str(8 * 1024**2),  # of 128 MB, which is half of the heap
    }


def _properties(values: Mapping[str, str]) -> str:
    """Java's properties: backslashes doubled, and in ASCII."""
    lines = (f"{key}={value}\n".replace("\\", "\\\\") for key, value in values.items())
    return "".join(lines).encode("ascii", "backslashreplace").decode()


def _format(command: list[str], folder: Path) -> None:
    cluster_id = base64.urlsafe_b64encode(b"\x80" + secrets.token_bytes(15)).decode().rstrip("=")  # begins with g
    arguments = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(folder / "server.properties")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=_FORMAT_SECONDS, check=False)
    if done.returncode:
        problem = " | ".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        raise EngineUnavailableError(
            f"Kafka's storage in {folder / 'data'} cannot be formatted: {problem}", "See what it says there."
        )


def _answers(access: KafkaAccess) -> bool:
    """Whether the broker tells its clients of itself; it does so when it is ready."""
    admin = AdminClient(access.for_librdkafka() | {"log_level": 0})
    try:
        return bool(admin.list_topics(timeout=2).brokers)
    except KafkaException:
        return False
