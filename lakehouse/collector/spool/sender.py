"""A sender that keeps messages in the spool while Kafka is away, and drains it in order when Kafka is back.

While anything is in the spool, new messages go behind it, so that the order of a person's events stays. What is sent
may arrive twice, when a send was given up but had succeeded, or when a process was killed between sending a file of the
spool and removing it: readers tell repetitions by the id of the event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from lakehouse.collector.spool.segments import Segments, SpoolFullError, encoded, read_messages
from lakehouse.errors import TransientError
from lakehouse.kafka.producer import Message

log = logging.getLogger(__name__)
_AT_ONCE = 500
_PAUSE_SECONDS = 1.0


class Sender(Protocol):
    """Where messages go."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Return when they are durable; TransientError when not all of them are."""

    def close(self) -> None:
        """Wait for what is under way."""


class SpoolingSender:
    """Sends to Kafka, or else keeps in the spool. Made and used inside one event loop.

    Args:
        kafka: where messages should be.
        segments: the spool; what it holds from before is sent first.
    """

    def __init__(self, kafka: Sender, segments: Segments) -> None:
        self._kafka, self._segments = kafka, segments
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._draining: asyncio.Task[None] | None = None
        if segments.total_bytes:
            self._begin_draining()

    @property
    def spooled_bytes(self) -> int:
        """What waits in the spool."""
        return self._segments.total_bytes

    @property
    def is_draining(self) -> bool:
        """Whether messages go to the spool."""
        return self._draining is not None

    async def send(self, messages: Sequence[Message]) -> None:
        """Return when Kafka or the spool has the messages.

        Raises:
            SpoolFullError: neither has all of them.
        """
        if self._draining is None:
            try:
                return await self._kafka.send(messages)
            except TransientError:
                self._begin_draining()
        await self._keep(encoded(messages))
        return None

    def close(self) -> None:
        """End; what is in the spool waits for the next start."""
        if self._draining is not None:
            self._draining.cancel()
        self._kafka.close()
        self._segments.close()

    async def _keep(self, records: bytes) -> None:
        """Append to the spool; calls that come while the disk is busy share the next flush."""
        in_front = sum(len(each) for each, _ in self._waiting)
        if not self._segments.has_room_for(in_front + len(records)):
            raise SpoolFullError(self._segments.folder, "its limit is reached")
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((records, kept))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            problem: Exception | None = None
            try:
                await asyncio.to_thread(self._segments.append, b"".join(records for records, _ in group))
            except SpoolFullError as error:
                problem = error
            for kept in (kept for _, kept in group if not kept.done()):
                kept.set_exception(problem) if problem else kept.set_result(None)
        self._writing = None

    def _begin_draining(self) -> None:
        if self._draining is None:
            log.warning("Kafka does not take events: they go to the spool, %d bytes are there", self.spooled_bytes)
            self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        while self._waiting or self._writing or self._segments.total_bytes:
            try:
                await self._drain_oldest()
            except (TransientError, OSError) as error:
                log.warning("the spool of %d bytes waits: %s", self.spooled_bytes, type(error).__name__)
                await asyncio.sleep(_PAUSE_SECONDS)
        self._draining = None
        log.warning("the spool is empty: events go to Kafka again")

    async def _drain_oldest(self) -> None:
        path = await asyncio.to_thread(self._segments.oldest)
        if path is None:
            return await asyncio.sleep(_PAUSE_SECONDS / 100)
        messages = await asyncio.to_thread(lambda: list(read_messages(path)))
        for start in range(0, len(messages), _AT_ONCE):
            await self._until_sent(messages[start : start + _AT_ONCE])
        await asyncio.to_thread(self._segments.remove, path)
        return None

    async def _until_sent(self, messages: Sequence[Message]) -> None:
        while True:
            try:
                return await self._kafka.send(messages)
            except TransientError:
                await asyncio.sleep(_PAUSE_SECONDS)
