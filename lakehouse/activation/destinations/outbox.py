"""The outbox: batches as gzipped JSON lines on disk, for a platform that fetches files, and to see what would be sent.

<folder>/<export_id>/batches/<ordinal>-<first 12 hex of the SHA-256>.jsonl.gz, one line per customer:
`{"action":"upsert","attributes":{...},"customer_id":"...","email":"..."}` or the tombstone
`{"action":"remove","customer_id":"..."}`. The bytes depend on the batch alone, so a batch delivered twice is one file.
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

from lakehouse.activation.destinations.destination import Batch, BatchReceipt, Operation
from lakehouse.utils.atomic_files import write_private
from lakehouse.utils.canonical_json import json_text

_LARGEST_LINE = 100_000  # bytes; the smallest profile limit among the common platforms (Klaviyo: 100 KB)


class Outbox:
    """Writes below one folder. The files hold addresses, so only their owner can read them."""

    name = "outbox"
    batch_size = 10_000

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def deliver(self, batch: Batch) -> BatchReceipt:
        """Write the batch completely or not at all; customers with a line above 100,000 bytes are rejected.

        Raises:
            OSError: e.g. the disk is full.
        """
        lines: list[bytes] = []
        accepted: set[str] = set()
        rejected: dict[str, str] = {}
        for operation in batch.operations:
            line = _line(operation)
            if len(line) > _LARGEST_LINE:
                rejected[operation.customer_id] = f"{len(line)} bytes, more than {_LARGEST_LINE}"
            else:
                lines.append(line)
                accepted.add(operation.customer_id)
        packed = gzip.compress(b"".join(lines), compresslevel=6, mtime=0)
        sha256 = hashlib.sha256(packed).hexdigest()
        name = f"batches/{batch.ordinal:08d}-{sha256[:12]}.jsonl.gz"
        if lines:
            write_private(self._folder / batch.export_id / name, packed)
        return BatchReceipt(name if lines else "", sha256, frozenset(accepted), rejected)


def _line(operation: Operation) -> bytes:
    if operation.action == "removed":
        return (json_text({"action": "remove", "customer_id": operation.customer_id}) + "\n").encode()
    # the payload is a JSON object already: insert the action instead of parsing it again
    return b'{"action":"upsert",' + operation.payload[1:] + b"\n"
