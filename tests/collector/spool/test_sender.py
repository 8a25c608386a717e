"""Messages go to Kafka, or into the spool and from there to Kafka. Kafka is a list here, and away when told to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from lakehouse.collector.spool import sender as sender_module
from lakehouse.collector.spool.segments import Segments, SpoolFullError
from lakehouse.collector.spool.sender import SpoolingSender
from lakehouse.errors import TransientError
from lakehouse.kafka.producer import Message


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "_PAUSE_SECONDS", 0.01)


class Kafka:
    """Takes messages, unless it is away."""

    def __init__(self, is_away: bool = False) -> None:
        self.taken: list[bytes] = []
        self.is_away = is_away

    async def send(self, messages: Sequence[Message]) -> None:
        await asyncio.sleep(0)
        if self.is_away:
            raise TransientError("Kafka is away", "Wait.")
        self.taken += [message.value for message in messages]

    def close(self) -> None:
        """Nothing is under way."""


def message(value: str) -> Message:
    return Message("t", b"k", value.encode())


def run(folder: Path, kafka: Kafka, work: Callable[[SpoolingSender], Coroutine[Any, Any, None]], most: int) -> None:
    async def with_sender() -> None:
        sender = SpoolingSender(kafka, Segments(folder, most))
        try:
            await work(sender)
        finally:
            sender.close()
            await asyncio.sleep(0)

    asyncio.run(with_sender())


async def until_empty(sender: SpoolingSender) -> None:
    async with asyncio.timeout(20):
        while sender.is_draining:
            await asyncio.sleep(0.01)


def test_while_kafka_answers_nothing_is_on_disk(tmp_path: Path) -> None:
    kafka = Kafka()

    async def work(sender: SpoolingSender) -> None:
        await sender.send([message("1")])
        assert (sender.spooled_bytes, sender.is_draining) == (0, False)

    run(tmp_path, kafka, work, 1000)
    assert kafka.taken == [b"1"] and list(tmp_path.glob("*.spool")) == []


def test_what_came_while_kafka_was_away_arrives_in_order_then_new_ones(tmp_path: Path) -> None:
    kafka = Kafka(is_away=True)

    async def work(sender: SpoolingSender) -> None:
        for number in range(20):
            await sender.send([message(f"{number}")])
        assert kafka.taken == []
        kafka.is_away = False
        for number in range(20, 25):
            await sender.send([message(f"{number}")])
        await until_empty(sender)
        await sender.send([message("25")])

    run(tmp_path, kafka, work, 10_000)
    assert kafka.taken == [b"%d" % number for number in range(26)]


def test_calls_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    kafka = Kafka(is_away=True)

    async def work(sender: SpoolingSender) -> None:
        await asyncio.gather(*(sender.send([message(f"{number}")]) for number in range(200)))
        kafka.is_away = False
        await until_empty(sender)

    run(tmp_path, kafka, work, 100_000)
    assert sorted(kafka.taken, key=int) == [b"%d" % number for number in range(200)]


def test_the_next_start_sends_what_is_in_the_spool_first(tmp_path: Path) -> None:
    kafka = Kafka(is_away=True)
    run(tmp_path, kafka, lambda sender: sender.send([message("1")]), 1000)
    kafka.is_away = False

    async def work(sender: SpoolingSender) -> None:
        await sender.send([message("2")])
        await until_empty(sender)

    run(tmp_path, kafka, work, 1000)
    assert kafka.taken == [b"1", b"2"]


def test_a_full_spool_refuses_and_loses_nothing(tmp_path: Path) -> None:
    kafka = Kafka(is_away=True)

    async def work(sender: SpoolingSender) -> None:
        await sender.send([message("first")])
        with pytest.raises(SpoolFullError, match="its limit is reached"):
            await sender.send([message("x" * 100)])
        kafka.is_away = False
        await until_empty(sender)
        await sender.send([message("x" * 100)])

    run(tmp_path, kafka, work, 100)
    assert kafka.taken == [b"first", b"x" * 100]
