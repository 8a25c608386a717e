"""A campaign's destination at an account of a platform."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from lakehouse.activation.accounts.declared import Account
from lakehouse.activation.accounts.limits import limits_of
from lakehouse.activation.destinations.capabilities import Nulls
from lakehouse.activation.destinations.destination import Batch, BatchReceipt, Deliver, Recheck, Rejection
from lakehouse.activation.destinations.platform import Item, Outcomes, Platform, Row, UnreadableAnswerError
from lakehouse.activation.destinations.platform_kind import Audience, Login
from lakehouse.activation.sending.account_caller import AccountCaller
from lakehouse.activation.sending.batch_delivery import BatchDelivery
from lakehouse.activation.sending.failures import UnexpectedAnswerError
from lakehouse.activation.sending.journal import Journal
from lakehouse.activation.sending.patience import Patience, Tally
from lakehouse.activation.sending.rate_budget import RateBudget

_log = logging.getLogger(__name__)
BATCH_SIZE = 10_000
BATCHES_AT_ONCE = 4


@dataclass(frozen=True)
class RemoteDestination:
    """One campaign at one account.

    Attributes:
        folder: of the campaign's exports to this account; the journals are in it.
        budgets: folder of the rate budgets, which all campaigns of this installation share.
        deadline: no upsert leaves after it.
        tally: what was called.
    """

    account: Account
    campaign_id: str
    folder: Path
    budgets: Path
    deadline: datetime | None = None
    patience: Patience = field(default_factory=Patience)
    tally: Tally = field(default_factory=Tally)
    batch_size: int = field(default_factory=lambda: BATCH_SIZE)
    batches_at_once: int = BATCHES_AT_ONCE

    @property
    def name(self) -> str:
        """The account's name."""
        return self.account.name

    @property
    def identity(self) -> str:
        """What the platform knows people by."""
        return self.account.kind.capabilities.identity

    @property
    def keeps_other_fields(self) -> bool:
        """Whether the platform leaves fields as they are that an upsert does not name."""
        return self.account.kind.capabilities.keeps_other_fields

    def null_policies(self, attribute: str) -> tuple[Nulls, ...]:
        """What can become of an attribute whose value is empty now, the usual one first."""
        return self.account.kind.capabilities.null_policies(attribute)

    def recorded(self, batch: Batch) -> None:
        """Forget the journal of a batch."""
        self._journal(batch).forget()

    @asynccontextmanager
    async def opened(self, recheck: Recheck) -> AsyncIterator[Deliver]:
        """What delivers batches; ConfigurationError when a reference of the account cannot be resolved."""
        async with self._connected() as (platform, call):
            limits = call.capabilities
            slots = asyncio.Semaphore(limits.connections)
            delivery = BatchDelivery(self.name, platform, limits, call, recheck, slots, self.deadline)

            async def deliver(batch: Batch) -> BatchReceipt:
                with closing(self._journal(batch)) as journal:
                    failure = await delivery.deliver(batch.operations, journal)
                    return _receipt(journal.answers, batch, failure)

            yield deliver

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Callable[[Row], Awaitable[bool]]]:
        """What says whether a send would find a row as it was delivered."""
        async with self._connected() as (platform, call):

            async def is_usable(row: Row) -> bool:
                try:
                    return await platform.is_usable(row, call)
                except UnreadableAnswerError as error:
                    raise UnexpectedAnswerError(self.name, str(error)) from None

            yield is_usable

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[Platform, AccountCaller]]:
        account, limits = self.account, limits_of(self.account)
        login = Login(account.user.resolve() if account.user else "", account.secret.resolve())
        platform = account.kind.open(Audience(self.campaign_id, account.list))
        headers = account.kind.headers(login)
        with closing(RateBudget(self.budgets, account.name, limits.rates)) as budget:
            async with AccountCaller(
                account.name, account.address(), headers, limits, budget, self.patience, self.tally
            ) as call:
                try:
                    yield platform, call
                finally:
                    _log.info("account %s: %s", account.name, self.tally)

    def _journal(self, batch: Batch) -> Journal:
        return Journal(self.folder / batch.export_id, batch.ordinal)


def _receipt(
    answers: Sequence[tuple[Sequence[Item], Outcomes]], batch: Batch, failure: Exception | None
) -> BatchReceipt:
    digest = hashlib.sha256("".join(batch.operations["payload_hash"].to_pylist()).encode()).hexdigest()
    rejected: dict[str, Rejection] = {}
    reference_of: dict[str, str] = {}
    for items, outcomes in answers:
        reference_of |= dict.fromkeys([item.row.customer_id for item in items], outcomes.reference)
        rejected |= {items[place].row.customer_id: why for place, why in outcomes.rejected.items()}
    return BatchReceipt(
        references=tuple(dict.fromkeys(outcomes.reference for _, outcomes in answers if outcomes.reference)),
        sha256=digest,
        accepted=frozenset(reference_of.keys() - rejected.keys()),
        rejected=rejected,
        failure=failure,
        reference_of={customer_id: name for customer_id, name in reference_of.items() if name},
    )
