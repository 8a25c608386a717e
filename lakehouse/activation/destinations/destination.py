"""The protocol of a destination: it takes a batch and says, customer by customer, what it accepted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lakehouse.activation.destinations.capabilities import Nulls

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Batch:
    """Operations that are sent together: a table with the schema `OPERATIONS` of planning/operations.py.

    `ordinal` is the position of the first one in the export's plan, from 0.
    """

    export_id: str
    ordinal: int
    operations: pa.Table

    @property
    def customers(self) -> list[str]:
        """Ids of the customers, in the order of the operations."""
        ids: list[str] = self.operations["customer_id"].to_pylist()
        return ids


@dataclass(frozen=True)
class Rejection:
    """Why a destination did not take a customer.

    Attributes:
        reason: in the destination's words, without values of the customer.
        is_permanent: it will be refused again until the payload changes.
        has_refused: the destination says that this person must not be written to, or asked to be forgotten.
    """

    reason: str
    is_permanent: bool = True
    has_refused: bool = False


@dataclass(frozen=True)
class BatchReceipt:
    """A destination's answer to a batch.

    Attributes:
        references: the destination's names for what it took: a file, the ids of jobs.
        reference_of: which of them, by customer; without any, the only one is everybody's.
        failure: why the delivery ended early. Of customers who are neither accepted nor rejected nobody knows whether
            the destination has them; the next run sends them again.
    """

    references: tuple[str, ...]
    sha256: str
    accepted: frozenset[str]
    rejected: Mapping[str, Rejection] = field(default_factory=dict)
    failure: Exception | None = None
    reference_of: Mapping[str, str] = field(default_factory=dict)


# (customer_id, address) of upserts -> reason by customer, of those who must not be written to any more.
Recheck = Callable[[Sequence[tuple[str, str]]], Mapping[str, str]]
Deliver = Callable[[Batch], Awaitable[BatchReceipt]]


class Destination(Protocol):
    """Upserts attributes by customer and removes customers from the campaign, and does nothing else.

    An implementation must have no call that subscribes anybody, opts anybody in, or lifts a suppression: consent is
    decided here, and at the destination it may only be lowered. Delivering the same batch twice must have the effect of
    delivering it once.

    Attributes:
        name: `outbox`, or the account's name.
        batch_size: operations that are recorded together.
        batches_at_once: batches that are under way at the same time.
        identity: what it knows people by, `customer_id` or `email`; addresses are on record for the latter only.
        keeps_other_fields: whether it is enough to send the fields of a customer that changed.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - above

    @property
    def batch_size(self) -> int: ...  # noqa: D102 - above

    @property
    def batches_at_once(self) -> int: ...  # noqa: D102 - above

    @property
    def identity(self) -> str: ...  # noqa: D102 - above

    @property
    def keeps_other_fields(self) -> bool: ...  # noqa: D102 - above

    def null_policies(self, attribute: str) -> tuple[Nulls, ...]:
        """What can become there of an attribute whose value is empty now, the usual one first."""
        ...

    def opened(self, recheck: Recheck) -> AbstractAsyncContextManager[Deliver]:
        """What delivers batches. It asks `recheck` right before a call leaves, if that is later than the delivery.

        A failure of a call is in the receipt; what is raised is an error of this project.
        """
        ...

    def recorded(self, batch: Batch) -> None:
        """What became of a batch is in the ops tables: the destination may forget its own notes."""
        ...
