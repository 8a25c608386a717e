"""One batch to a platform: rows into calls, calls at once as far as the platform allows, an outcome for every row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import pyarrow as pa

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.destination import Recheck, Rejection
from lakehouse.activation.destinations.platform import (
    REMOVALS,
    Answer,
    Call,
    Caller,
    Item,
    Outcomes,
    Platform,
    Row,
    UnreadableAnswerError,
)
from lakehouse.activation.sending.account_caller import AccountCaller
from lakehouse.activation.sending.failures import DeadlineError, PlatformUnavailableError, UnexpectedAnswerError
from lakehouse.activation.sending.journal import Journal
from lakehouse.activation.sending.packing import packed
from lakehouse.activation.sending.splitting import deliver_all_it_takes
from lakehouse.utils.plain_json import parsed_json

_REFUSED_MEANWHILE = Rejection("refused since the plan was made", is_permanent=False)


@dataclass(frozen=True)
class BatchDelivery:
    """How batches of one campaign get to its account.

    Attributes:
        limits: those of the platform and of the account.
        recheck: asked right before a call leaves, about its upserts.
        slots: limits how many calls are under way, over all batches.
        deadline: no upsert leaves after it. Removals do: the send must not reach who was removed, however late.
        job_seconds: a call, or the job it started, that takes longer is given up.
    """

    account: str
    platform: Platform
    limits: Capabilities
    call: AccountCaller
    recheck: Recheck
    slots: asyncio.Semaphore
    deadline: datetime | None = None
    job_seconds: float = 3600.0

    async def deliver(self, operations: pa.Table, journal: Journal) -> Exception | None:
        """Deliver all rows, removals first; what became of each is in the journal. Returns the first failure of a call.

        A failed call does not end the others. Where people are known by address, a removal without one has nothing to
        take back, and is done.
        """
        rows = list(rows_of(operations))
        if self.limits.identity == "email":
            nowhere = [row for row in rows if row.is_removal and not row.email]
            journal.add([Item(row, b"") for row in nowhere], Outcomes(""))
            rows = [row for row in rows if row.email or not row.is_removal]
        items = [Item(row, self.platform.encode(row)) for row in rows]
        too_large, others = _too_large(items, self.limits.bytes_per_row)
        journal.add(too_large, Outcomes("", {place: self._is_too_large(item) for place, item in enumerate(too_large)}))
        calls = list(packed(others, self.limits))
        for are_removals in (True, False):  # an address may pass from one customer to another
            group = [self._one(call, journal) for call in calls if call[0].row.is_removal is are_removals]
            for outcome in await asyncio.gather(*group, return_exceptions=True):
                if isinstance(outcome, Exception):
                    return outcome
                if outcome is not None:
                    raise outcome
        return None

    def _is_too_large(self, item: Item) -> Rejection:
        return Rejection(f"{len(item.body)} bytes, more than the {self.limits.bytes_per_row} that the platform takes")

    async def _one(self, items: list[Item], journal: Journal) -> None:
        """A call's rows, without those who refused until it left."""
        async with self.slots:
            while items:
                upserts = [] if items[0].row.is_removal else [item.row for item in items]
                try:
                    outcomes = await self._within_time(items, _Asking(self.call, partial(self._check, upserts)))
                    if items[0].row.action != "moved":
                        journal.add(items, outcomes)
                        await journal.on_disk()
                    return
                except _RefusedMeanwhileError as stopped:
                    held = [item for item in items if item.row.customer_id in stopped.refused]
                    if not stopped.may_be_applied:  # else nobody knows whether the platform has them
                        journal.add(held, Outcomes("", dict.fromkeys(range(len(held)), _REFUSED_MEANWHILE)))
                    items = [item for item in items if item.row.customer_id not in stopped.refused]

    async def _within_time(self, items: Sequence[Item], call: Caller) -> Outcomes:
        try:
            async with asyncio.timeout(self.job_seconds):
                return await deliver_all_it_takes(self.platform, items, call)
        except TimeoutError:
            said = f"a call, or the job it started, took longer than {self.job_seconds:.0f} seconds"
            raise PlatformUnavailableError(self.account, said) from None
        except UnreadableAnswerError as error:
            raise UnexpectedAnswerError(self.account, str(error)) from None

    def _check(self, upserts: Sequence[Row], may_be_applied: bool) -> None:
        if not upserts:
            return
        if self.deadline is not None and self.call.clock() >= self.deadline:
            raise DeadlineError(self.account, self.deadline)
        refused = self.recheck([(row.customer_id, row.email) for row in upserts])
        if refused:
            raise _RefusedMeanwhileError(refused.keys(), may_be_applied)


@dataclass
class _Asking:
    """The calls of one delivery; `check` is asked before each attempt of those that write to people.

    It is told whether something may have been applied before: by another attempt, or by another call.
    """

    call: AccountCaller
    check: Callable[[bool], None]
    has_written: bool = False

    async def __call__(self, call: Call) -> Answer:
        if call.method == "GET" or not call.is_about_people:
            return await self.call(call)
        answer = await self.call(call, lambda may_be_applied: self.check(may_be_applied or self.has_written))
        self.has_written = self.has_written or answer.is_success
        return answer


class _RefusedMeanwhileError(Exception):
    """Some of a call's rows must not be written to any more; it has not left."""

    def __init__(self, refused: Set[str], may_be_applied: bool) -> None:
        self.refused, self.may_be_applied = refused, may_be_applied
        super().__init__(f"{len(refused)} rows")


def rows_of(operations: pa.Table) -> Iterator[Row]:
    """Operations as rows; of a removal the address is the one that was sent."""
    payloads = operations["payload"].to_pylist()
    names = ("customer_id", "action", "email", "sent_email", "payload_hash")
    columns = [operations[name].to_pylist() for name in names]
    for customer_id, action, email, sent_email, payload_hash, text in zip(*columns, payloads, strict=True):
        if action in REMOVALS:
            yield Row(customer_id, action, sent_email or "", {}, payload_hash, False)
        else:
            payload = parsed_json(text)
            yield Row(customer_id, action, email or "", payload["attributes"], payload_hash, "email" in payload)


def _too_large(items: Sequence[Item], largest: int) -> tuple[list[Item], list[Item]]:
    return [item for item in items if len(item.body) > largest], [item for item in items if len(item.body) <= largest]
