"""Sending a plan batch by batch: check consent again, record the intent, deliver, record the acknowledgement.

The process may be killed at any point. A batch counts as sent when its rows are in ops.export_records, one commit a
batch. Killed before that commit, the next run sends the batch again (destinations upsert, so that the effect is the
same); killed after it, the batch is not sent again. Whom a killed or failed delivery may have reached is in
ops.export_attempts, written before the delivery, and is removed if no longer in the target.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.activation.consent.firewall import ConsentCheck, Person
from lakehouse.activation.consent.platform_refusals import record_refusals
from lakehouse.activation.consent.recheck import without_suppressed
from lakehouse.activation.destinations import Batch, BatchReceipt, Deliver, Destination
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.activation.payload.changed_fields import form_of
from lakehouse.activation.planning.operations import is_removal
from lakehouse.activation.planning.plan import Plan
from lakehouse.activation.records.delivery_intents import record_intents
from lakehouse.activation.records.export_records import export_records
from lakehouse.activation.send_progress import SendProgress
from lakehouse.activation.sending.failures import StoppedError
from lakehouse.storage.ops_tables import record_batch
from lakehouse.utils.reading_ahead import read_ahead
from lakehouse.utils.told_to_end import told_to_end

_log = logging.getLogger(__name__)
_NO_ORDINAL = -1  # of a batch that is in no record
_AHEAD = 4  # tables that are read before they are sent, so that no query of the plan keeps the sender waiting


def send(
    plan: Plan,
    destination: Destination,
    consent: ConsentCheck,
    progress: SendProgress,
    lake: str,
    not_before: datetime | None,
) -> None:
    """Send all operations of the plan and keep `progress` up to date, also when an error ends it.

    Errors of the destination are raised as they are. `not_before` is the newest time on record: rows written here get a
    later one, whatever the clock says, because the newest row of a customer counts.

    A process that is told to end (SIGTERM) begins no batch any more, finishes and records those under way, and raises
    StoppedError.
    """
    asyncio.run(_Sending(plan, destination, consent, progress, lake, _Moments(not_before)).run())


class _Moments:
    """The clock of an export: every moment is later than the one before and than all on record."""

    def __init__(self, not_before: datetime | None) -> None:
        self._last = not_before

    def next(self) -> datetime:
        now = datetime.now(UTC)
        self._last = max(now, self._last + timedelta(microseconds=1)) if self._last else now
        return self._last


@dataclass
class _Sending:
    """One export's way to its destination; several batches may be under way at once."""

    plan: Plan
    destination: Destination
    consent: ConsentCheck
    progress: SendProgress
    lake: str
    moments: _Moments
    under_way: set[asyncio.Task[None]] = field(default_factory=set)
    editions: dict[int, int] = field(default_factory=dict)  # ordinal of a batch -> what was known when it was checked

    @property
    def _is_by_address(self) -> bool:
        return self.destination.identity == "email"

    async def run(self) -> None:
        ordinal, removals_are_done, is_moved = self.plan.offset, False, False
        with told_to_end() as is_told, ExitStack() as closing:
            closing.callback(self._cancel)
            ahead = read_ahead(self.plan.operations(self.destination.batch_size, form_of(self.destination)), _AHEAD)
            async with (
                self.destination.opened(self._refusals) as deliver,
                aclosing(ahead) as tables,
            ):
                async for planned in tables:
                    if is_told():
                        break
                    if not removals_are_done and pc.any(pc.invert(is_removal(planned))).as_py():
                        await self._wait(at_most=0)  # an address may pass from one customer to another
                        if self._is_by_address and not is_moved:
                            await self._move(deliver)
                            is_moved = True
                        removals_are_done = not pc.any(is_removal(planned)).as_py()
                    await self._wait(at_most=self.destination.batches_at_once - 1)
                    known = self.consent.edition()
                    batch = Batch(
                        self.plan.export_id, ordinal, without_suppressed(planned, self.consent, self.progress)
                    )
                    ordinal += planned.num_rows
                    if not batch.operations.num_rows:
                        continue
                    self.editions[batch.ordinal] = known
                    attempted_at = self.moments.next()
                    await asyncio.to_thread(
                        record_intents, self.plan, batch, attempted_at, self.lake, self._is_by_address
                    )
                    self.under_way.add(asyncio.create_task(self._deliver(batch, deliver)))
                await self._wait(at_most=0)
            if is_told() and ordinal < self.plan.offset + self.plan.count:
                raise StoppedError(self.destination.name)

    async def _move(self, deliver: Deliver) -> None:
        """Take former addresses of customers out of the audience, before anybody else may get them."""
        for former in self.plan.former_addresses(self.destination.batch_size):
            receipt = await deliver(Batch(self.plan.export_id, _NO_ORDINAL, former))
            if receipt.failure is not None:
                raise receipt.failure

    async def _wait(self, at_most: int) -> None:
        """Return when at most so many batches are under way. After a failure the others are finished first."""
        while len(self.under_way) > at_most:
            done, self.under_way = await asyncio.wait(self.under_way, return_when=asyncio.FIRST_COMPLETED)
            failed = [task for task in done if task.exception() is not None]
            if failed:
                while self.under_way:
                    _, self.under_way = await asyncio.wait(self.under_way)
                failed[0].result()

    async def _deliver(self, batch: Batch, deliver: Deliver) -> None:
        receipt = await deliver(batch)
        del self.editions[batch.ordinal]
        if receipt.failure is None and (open_ones := _unanswered(batch, receipt)).operations.num_rows:
            # A second intent: the rejection that is recorded below must not pass for an answer of the destination.
            again = self.moments.next()
            await asyncio.to_thread(record_intents, self.plan, open_ones, again, self.lake, self._is_by_address)
        records = export_records(self.plan, batch, receipt, self.moments.next(), self._is_by_address)
        await asyncio.to_thread(record_batch, "export_records", records, self.lake)
        await asyncio.to_thread(record_refusals, self.destination.name, _rejected(batch, receipt), self.lake)
        self.destination.recorded(batch)
        self.progress.add(batch, receipt)
        sent = self.progress.exported + self.progress.rejected
        _log.info("campaign %s: %d of %d sent", self.plan.campaign.id, sent, self.plan.offset + self.plan.count)
        if receipt.failure is not None:
            raise receipt.failure

    def _refusals(self, upserts: Sequence[tuple[str, str]]) -> Mapping[str, str]:
        """Who of a call must not be written to any more. Everybody under way passed when their batch was checked, so
        that they are asked about again only when something has changed since."""
        if set(self.editions.values()) <= {self.consent.edition()}:
            return {}
        return self.consent.reasons([Person(customer_id, email, True) for customer_id, email in upserts])

    def _cancel(self) -> None:
        for task in self.under_way:
            task.cancel()


def _unanswered(batch: Batch, receipt: BatchReceipt) -> Batch:
    """The operations of which nobody knows whether the destination has applied them."""
    answered = pa.array([*receipt.accepted, *receipt.rejected], pa.string())
    is_open = pc.invert(pc.is_in(batch.operations["customer_id"], answered))
    return replace(batch, operations=batch.operations.filter(is_open))


def _rejected(batch: Batch, receipt: BatchReceipt) -> list[tuple[str, str, Rejection]]:
    """The rejected customers of a batch, with the address that was sent, and why."""
    if not receipt.rejected:
        return []
    emails = dict(zip(batch.customers, batch.operations["email"].to_pylist(), strict=True))
    return [(customer_id, emails[customer_id], why) for customer_id, why in receipt.rejected.items()]
