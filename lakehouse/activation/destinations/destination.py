"""The protocol of a destination: it takes a batch and says, customer by customer, what it accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Batch:
    """Operations that are sent together: a table with the schema `OPERATIONS` of destinations/operations.py.

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
