"""The programs of the near real time part, which need Kafka and Redis: collector, profile API and streaming job."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lakehouse.config.settings import settings
from lakehouse.services import group
from lakehouse.services.group import Group, GroupStatus, Part
from lakehouse.services.own_port import HOST, check_port, is_listening
from lakehouse.services.servers import GROUP as SERVERS
from lakehouse.services.stream_job import stream_part


def _web(name: str, module: str, port: int, variable: str) -> Part:
    check_port(port, variable)
    return Part(name, (sys.executable, "-m", module), f"http://{HOST}:{port}", lambda: is_listening(port))


def _parts() -> Sequence[Part]:
    chosen = settings()
    return [
        _web("collector", "lakehouse.collector", chosen.collector_port, "LAKEHOUSE_COLLECTOR_PORT"),
        _web("profile-api", "lakehouse.profiles", chosen.profile_api_port, "LAKEHOUSE_PROFILE_API_PORT"),
        stream_part(chosen),
    ]


GROUP = Group("near-real-time", __name__, _parts)


def start() -> list[GroupStatus]:
    """Start Kafka and Redis, create the topics, and start the programs.

    Raises what `group.up` and `create_topics` raise.
    """
    from lakehouse.kafka.access import kafka_access  # these need the extra `realtime`, the status does not
    from lakehouse.kafka.topics import create_topics

    servers = group.up(SERVERS)
    create_topics(kafka_access(settings()))
    return [servers, group.up(GROUP)]


def stop() -> list[GroupStatus]:
    """Stop the programs, then Kafka and Redis."""
    programs = group.down(GROUP)
    return [group.down(SERVERS), programs]


def statuses() -> list[GroupStatus]:
    """Both groups as they are now."""
    return [group.status(SERVERS), group.status(GROUP)]
