"""Where a collector under test sends to: a list, which is away when it is told to be."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.errors import TransientError
from lakehouse.kafka.producer import Message


class Kafka:
    """Takes messages, unless it is away; the last one is about the topic `closed`."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.is_away = False

    async def send(self, messages: Sequence[Message]) -> None:
        """As a sender of the collector."""
        if self.is_away:
            raise TransientError("Kafka is away", "Wait.")
        self.taken += messages

    def close(self) -> None:
        """As a sender of the collector."""
        self.taken.append(Message("closed", None, b""))
