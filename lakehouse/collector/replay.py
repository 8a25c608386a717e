"""The replay of all dead letters of a Kafka."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from lakehouse.collector.dead_letters import (
    Replayable,
    in_portions,
    note_of,
    only_replay,
    read_notes,
    replayable,
    write_notes,
)
from lakehouse.kafka.access import KafkaAccess
from lakehouse.kafka.producer import AcknowledgedProducer
from lakehouse.kafka.read_topic import read_topic
from lakehouse.kafka.topics import DEAD_LETTERS

_AT_ONCE = 500
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Replayed:
    """How many dead letters became events, did so before, and still break the contract."""

    sent: int
    sent_before: int
    still_rejected: int


def replay(access: KafkaAccess, home: Path) -> Replayed:
    """Check all dead letters again, and send those that are valid now, with the event id that they have.

    Raises:
        KafkaUnavailableError: Kafka does not answer; what was sent until then is noted.
        AnotherReplayError: a replay of this home is under way.
    """
    with only_replay(home):
        before = read_notes(home)
        ready: list[Replayable] = []
        kept_notes: set[str] = set()
        rejected = 0
        for letter in read_topic(access, DEAD_LETTERS):
            if note_of(letter) in before:
                kept_notes.add(note_of(letter))
            elif found := replayable(letter):
                ready.append(found)
            else:
                rejected += 1
        count_before = len(kept_notes)
        asyncio.run(_send(access, home, ready, kept_notes))
        return Replayed(len(ready), count_before, rejected)


async def _send(access: KafkaAccess, home: Path, ready: list[Replayable], notes: set[str]) -> None:
    """Send, and add to the notes what was acknowledged."""
    producer = AcknowledgedProducer(access, _PATIENCE_SECONDS)
    try:
        for portion in in_portions(ready, _AT_ONCE):
            await producer.send([each.message for each in portion])
            notes |= {note_of(each.letter) for each in portion}
            write_notes(home, notes)
    finally:
        producer.close()
