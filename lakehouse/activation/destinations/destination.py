"""What every platform is to the exporter: something that takes a batch and says, customer by customer, what it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Action = Literal["added", "changed", "removed"]


@dataclass(frozen=True)
class Delivery:
    """One customer in one export: `payload` is the canonical JSON to upsert; removals know neither address nor
    payload."""

    customer_id: str
    action: Action
    email: str
    payload: bytes
    payload_hash: str

    @classmethod
    def removal(cls, customer_id: str) -> Delivery:
        return cls(customer_id, "removed", "", b"", "")


@dataclass(frozen=True)
class Batch:
    """Deliveries sent together; `ordinal` is the place of the first one in the export's plan, from 0."""

    export_id: str
    ordinal: int
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True)
class BatchReceipt:
    """A platform's answer. Who is neither accepted nor rejected has not been taken and is sent again by the next
    run."""

    reference: str
    sha256: str
    accepted: frozenset[str]
    rejected: Mapping[str, str] = field(default_factory=dict)


class Platform(Protocol):
    """An implementation upserts attributes by customer and removes customers from the campaign, and nothing else.

    It must have no call that subscribes anybody, opts anybody in, or lifts a suppression: consent is decided here, and
    on the platform it may only ever be lowered. Delivering the same batch twice must have the effect of once.
    """

    name: str
    batch_size: int

    def deliver(self, batch: Batch) -> BatchReceipt:
        """Send one batch. Row failures are in the receipt; TransientError when the whole call may be tried again,
        TerminalError when not."""
        ...
