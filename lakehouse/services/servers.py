"""The servers of one machine: Kafka and Redis, as far as the settings name none elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.config.settings import settings
from lakehouse.services.group import Group, Part


def _parts() -> Sequence[Part]:
    from lakehouse.services.kafka_broker import kafka_part  # these need the extra `realtime`, the status does not
    from lakehouse.services.redis_server import redis_part

    chosen = settings()
    wanted = [] if chosen.redis_url else [redis_part()]
    return wanted if chosen.kafka_servers else [*wanted, kafka_part()]


GROUP = Group("servers", __name__, _parts)
