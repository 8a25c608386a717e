"""The protocol of a destination: it takes a batch and says, customer by customer, what it accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Action = Literal["added", "changed", "removed"]


@dataclass(frozen=True)
class Operation:
    """What to do with one customer: upsert `payload` (canonical JSON), or remove the customer.

    A removal has neither address nor payload.
    """

    customer_id: str
    action: Action
    email: str
    payload: bytes
    payload_hash: str

    @classmethod
    def removal(cls, customer_id: str) -> Operation:
        """Remove the customer from the campaign."""
        return cls(customer_id, "removed", "", b"", "")


@dataclass(frozen=True)
class Batch:
    """Operations that are sent together; `ordinal` is the position of the first one in the export's plan, from 0."""

    export_id: str
    ordinal: int
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class BatchReceipt:
    """A destination's answer to a batch.

    A customer who is neither accepted nor rejected was not taken, and is sent again by the next run.
    """

    reference: str
    sha256: str
    accepted: frozenset[str]
    rejected: Mapping[str, str] = field(default_factory=dict)


class Destination(Protocol):
    """Upserts attributes by customer and removes customers from the campaign, and does nothing else.

    An implementation must have no call that subscribes anybody, opts anybody in, or lifts a suppression: consent is
    decided here, and at the destination it may only be lowered. Delivering the same batch twice must have the effect of
    delivering it once.
    """

    name: str
    batch_size: int

    def deliver(self, batch: Batch) -> BatchReceipt:
        """Send one batch; failures of single customers are in the receipt.

        Raises:
            TransientError: the whole call failed and may be tried again.
            TerminalError: the whole call failed and must not be tried again.
        """
        ...
