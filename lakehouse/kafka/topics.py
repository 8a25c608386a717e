"""The topics: declared here once, and created by `lakehouse services topics`, which `lakehouse services up` runs.

The key of a message is the person it is about, so that the events of one person stay in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from confluent_kafka.cimpl import NewTopic

from lakehouse.errors import TerminalError, TransientError
from lakehouse.kafka.access import KafkaAccess

_DAY = 24 * 3600 * 1000
_SECONDS = 30.0
_LONGEST_BYTES = 2**20  # a dead letter is as long as a batch may be


@dataclass(frozen=True)
class Topic:
    """A topic: `partitions` bound how many programs share its work; messages are kept for `retention_days`."""

    name: str
    partitions: int
    retention_days: int
    meaning: str

    @property
    def config(self) -> dict[str, str]:
        """What the broker is told."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_days * _DAY),
            "compression.type": "lz4",
            "max.message.bytes": str(_LONGEST_BYTES),
        }


WEB_EVENTS = Topic("web_events", 4, 7, "What people did on a site, as the collector accepted it")
EMAIL_EVENTS = Topic("email_events", 4, 7, "What e-mail platforms reported by webhook")
DEAD_LETTERS = Topic("dead_letters", 1, 30, "What was accepted but breaks the contract, with the reason in its headers")
TOPICS = (WEB_EVENTS, EMAIL_EVENTS, DEAD_LETTERS)


class KafkaUnavailableError(TransientError):
    """Kafka does not answer."""

    def __init__(self, servers: str, problem: str) -> None:
        super().__init__(
            f"Kafka at {servers} does not answer: {problem}",
            "See `lakehouse services status`, or check LAKEHOUSE_KAFKA_SERVERS.",
        )


class FewerPartitionsError(TerminalError):
    """A topic has fewer partitions than declared."""

    def __init__(self, topic: Topic, found: int) -> None:
        super().__init__(
            f"topic {topic.name} has {found} partitions instead of {topic.partitions}",
            "Create it again, or add partitions while nothing writes: which partition a person's events go to changes.",
        )


def create_topics(access: KafkaAccess, topics: Sequence[Topic] = TOPICS, replicas: int = -1) -> list[str]:
    """Create the topics that are missing, and bring the settings of the others up to date; the names created.

    Args:
        access: the cluster.
        topics: what is wanted.
        replicas: copies of each message; -1 = the default of the broker.

    Raises:
        KafkaUnavailableError: no broker answers in time.
        FewerPartitionsError: one is there with fewer partitions.
    """
    admin = AdminClient(access.for_librdkafka() | {"log_level": 0})
    try:
        known = admin.list_topics(timeout=_SECONDS).topics
        missing = [topic for topic in topics if topic.name not in known]
        for topic in topics:
            if topic not in missing and len(known[topic.name].partitions) < topic.partitions:
                raise FewerPartitionsError(topic, len(known[topic.name].partitions))
        created = [topic.name for topic in missing if _is_created(admin, topic, replicas)]
        kept = [topic for topic in topics if topic.name not in created]
        resources = [ConfigResource(ResourceType.TOPIC, topic.name, set_config=topic.config) for topic in kept]
        for changed in admin.alter_configs(resources).values() if resources else ():
            changed.result(_SECONDS)
    except KafkaException as error:
        raise KafkaUnavailableError(access.servers, error.args[0].name()) from None
    return created


def _is_created(admin: AdminClient, topic: Topic, replicas: int) -> bool:
    """False when another process has just created it."""
    wanted = NewTopic(topic.name, topic.partitions, replicas, config=topic.config)
    try:
        admin.create_topics([wanted], operation_timeout=_SECONDS)[topic.name].result(_SECONDS)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True
