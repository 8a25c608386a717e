"""Dead letters: accepted messages that cannot be used, with the reason in headers named as Kafka Connect does it."""

from __future__ import annotations

_PREFIX = "__connect.errors."
TOPIC, STAGE, EXCEPTION_MESSAGE = f"{_PREFIX}topic", f"{_PREFIX}stage", f"{_PREFIX}exception.message"


def headers_of(stage: str, topic: str, reason: str, received_at: str, key_id: str) -> list[tuple[str, bytes]]:
    """Headers of a dead letter.

    Args:
        stage: which program could not use it.
        topic: where it belongs.
        reason: why, without a value of the message.
        received_at: when the collector took it.
        key_id: the write key that it came with.
    """
    said = {
        TOPIC: topic,
        STAGE: stage,
        f"{_PREFIX}exception.class.name": "ContractError",
        EXCEPTION_MESSAGE: reason,
        "lakehouse.received_at": received_at,
        "lakehouse.key_id": key_id,
    }
    return [(name, value.encode()) for name, value in said.items()]
