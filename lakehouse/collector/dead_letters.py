"""Dead letters by reason, and their replay: those that keep today's contract become events, each of them once.

A replay sends first and then notes what it has sent, in the home. When it is killed between the two, the next one sends
the same event id again, by which silver and signals tell repetitions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from lakehouse.collector.checked import broken_rule, event_message
from lakehouse.errors import TransientError
from lakehouse.kafka.dead_letters import EXCEPTION_MESSAGE, STAGE, TOPIC
from lakehouse.kafka.producer import Message
from lakehouse.kafka.read_topic import Kept
from lakehouse.kafka.topics import WEB_EVENTS
from lakehouse.utils.atomic_files import write_private
from lakehouse.utils.file_lock import held_lock

_NOTES = "replayed_dead_letters.json"
_LOCK_SECONDS = 5.0


@dataclass(frozen=True)
class Reason:
    """Dead letters of one reason.

    Attributes:
        topic, stage: where they belong, and which program could not use them.
        reason: why, without a value of theirs.
        count, replayed: how many there are, and how many of them became events since.
        first_at, last_at: when they were written.
        example: place of the last one, for `show`.
    """

    topic: str
    stage: str
    reason: str
    count: int
    replayed: int
    first_at: datetime
    last_at: datetime
    example: str


class Replayable(NamedTuple):
    """A dead letter that keeps today's contract, and the message that it becomes."""

    letter: Kept
    message: Message


class AnotherReplayError(TransientError):
    """A replay of this home is under way."""

    def __init__(self) -> None:
        super().__init__("another replay of dead letters is under way", "Wait until it has ended.")


def by_reason(letters: Iterable[Kept], replayed: set[str]) -> list[Reason]:
    """Dead letters by topic, stage and reason, the most frequent first."""

    def group(letter: Kept) -> tuple[str, str, str]:
        said = letter.headers
        return said.get(TOPIC, ""), said.get(STAGE, ""), said.get(EXCEPTION_MESSAGE, "")

    slim = sorted((letter._replace(value=b"") for letter in letters), key=lambda each: (group(each), each.at))
    found = []
    for names, members in groupby(slim, group):
        these = list(members)
        count_replayed = sum(note_of(letter) in replayed for letter in these)
        found.append(Reason(*names, len(these), count_replayed, these[0].at, these[-1].at, these[-1].place))
    return sorted(found, key=lambda each: -each.count)


def replayable(letter: Kept) -> Replayable | None:
    """The message that a dead letter becomes; None when it still breaks the contract of its topic."""
    if letter.headers.get(TOPIC) != WEB_EVENTS.name:
        return None
    try:
        event: Any = msgspec.json.decode(letter.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(event, dict) or broken_rule(event, letter.value):
        return None
    return Replayable(letter, event_message(event, letter.value))


def note_of(letter: Kept) -> str:
    """The note that a letter was replayed: its place and its time. A topic that was created again has the same places,
    but other times."""
    return f"{letter.place}@{letter.at:%Y-%m-%dT%H:%M:%S.%f}"


def read_notes(home: Path) -> set[str]:
    """The notes of all letters that were replayed."""
    file = home / "collector" / _NOTES
    return set(json.loads(file.read_text("utf-8"))) if file.exists() else set()


def write_notes(home: Path, notes: Iterable[str]) -> None:
    """Replace the notes."""
    write_private(home / "collector" / _NOTES, json.dumps(sorted(notes)))


@contextmanager
def only_replay(home: Path) -> Iterator[None]:
    """Inside the block no other process of this home replays.

    Raises:
        AnotherReplayError: one is at it.
    """
    with held_lock(home / "collector" / f"{_NOTES}.lock", _LOCK_SECONDS) as is_held:
        if not is_held:
            raise AnotherReplayError()
        yield


def in_portions(found: Sequence[Replayable], size: int) -> Iterator[Sequence[Replayable]]:
    """The letters in their order, so many at once."""
    return (found[start : start + size] for start in range(0, len(found), size))
