"""The outbox: batches as gzipped JSON lines on disk, for a platform that fetches files, and to see what would be sent.

<folder>/<export_id>/batches/<ordinal>-<first 12 hex of the SHA-256>.jsonl.gz, one line per customer:
`{"action":"upsert","attributes":{...},"customer_id":"...","email":"..."}` or the tombstone
`{"action":"remove","customer_id":"..."}`. The bytes depend on the batch alone, so a batch delivered twice is one file.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.activation.destinations.capabilities import Nulls
from lakehouse.activation.destinations.destination import Batch, BatchReceipt, Deliver, Recheck, Rejection
from lakehouse.utils.atomic_files import write_private
from lakehouse.utils.canonical_json import json_text

if TYPE_CHECKING:
    import pyarrow as pa

_LARGEST_LINE = 100_000  # bytes; the smallest profile limit among the common platforms (Klaviyo: 100 KB)


class Outbox:
    """Writes below one folder. The files hold addresses, so only their owner can read them."""

    name = "outbox"
    batch_size = 10_000
    batches_at_once = 1
    identity = "customer_id"
    keeps_other_fields = False  # a file has to say everything by itself

    @staticmethod
    def null_policies(attribute: str) -> tuple[Nulls, ...]:
        """A file has a null, or does not name the attribute."""
        return ("send", "omit")

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def opened(self, recheck: Recheck) -> AsyncIterator[Deliver]:
        """Files are written at once, so there is nothing to ask again."""

        async def deliver(batch: Batch) -> BatchReceipt:
            return self.deliver(batch)

        yield deliver

    def recorded(self, batch: Batch) -> None:
        """The files stay."""

    def deliver(self, batch: Batch) -> BatchReceipt:
        """Write the batch completely or not at all; customers with a line above 100,000 bytes are rejected.

        Raises:
            OSError: e.g. the disk is full.
        """
        customers, lines = batch.customers, lines_of(batch.operations)
        rejected = {
            customer_id: Rejection(f"{len(line)} bytes, more than {_LARGEST_LINE}")
            for customer_id, line in zip(customers, lines, strict=True)
            if len(line) > _LARGEST_LINE
        }
        accepted = frozenset(customers) - rejected.keys()
        text = b"".join(lines) if not rejected else b"".join(line for line in lines if len(line) <= _LARGEST_LINE)
        packed = gzip.compress(text, compresslevel=6, mtime=0)
        sha256 = hashlib.sha256(packed).hexdigest()
        name = f"batches/{batch.ordinal:08d}-{sha256[:12]}.jsonl.gz"
        if accepted:
            write_private(self._folder / batch.export_id / name, packed)
        return BatchReceipt((name,) if accepted else (), sha256, accepted, rejected)


def lines_of(operations: pa.Table) -> list[bytes]:
    """The operations as they stand in a file."""
    return [
        # the payload is a JSON object already: insert the action instead of parsing it again
        b'{"action":"upsert",' + payload[1:] + b"\n" if payload else _tombstone(customer_id)
        for customer_id, payload in zip(
            operations["customer_id"].to_pylist(), operations["payload"].to_pylist(), strict=True
        )
    ]


def _tombstone(customer_id: str) -> bytes:
    return (json_text({"action": "remove", "customer_id": customer_id}) + "\n").encode()
