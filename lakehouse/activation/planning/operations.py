"""What an export sends, as Arrow: one row per customer, removals first, then upserts by customer_id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

# action: added, changed or removed; a removal has an empty address, payload and hash. `moved` is like a removal, of the
#   address that was sent of a customer who has another one now; what becomes of it is not the customer's outcome.
# payload: canonical JSON in UTF-8, whole, or of the fields that changed where a platform leaves the others as they are,
#   then without `email` if the address is the same; payload_hash: SHA-256 of the whole one, in hex.
# field_hashes: what export_records keeps of the fields that the platform has after it; null for a removal.
# sent_email: the address that an earlier export sent, for platforms that know people by address; null when none did, or
#   when it was not recorded; empty when somebody who is in the audience already has it now, so that it has to stay.
# is_uncertain: an earlier delivery has no answer, so the platform may have the customer, with whatever payload.
OPERATIONS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("action", pa.string()),
        ("email", pa.string()),
        ("payload", pa.binary()),
        ("payload_hash", pa.string()),
        ("sent_email", pa.string()),
        ("is_uncertain", pa.bool_()),
        ("field_hashes", pa.string()),
    ]
)


def slices(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The rows of record batches of any sizes, in tables of `size` rows; the last one has the rest."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        while count >= size:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, size)
            waiting = table.slice(size).to_batches()
            count -= size
    if count:
        yield pa.Table.from_batches(waiting)


def as_removals(operations: pa.Table) -> pa.Table:
    """The same customers, to be removed; a former address was taken out of the audience before."""
    is_former = pc.not_equal(pc.utf8_lower(operations["sent_email"]), pc.utf8_lower(operations["email"]))
    there = pc.if_else(pc.fill_null(is_former, False), "", operations["sent_email"])
    operations = operations.set_column(
        operations.schema.get_field_index("sent_email"), OPERATIONS.field("sent_email"), there
    )
    empty = {"action": "removed", "email": "", "payload": b"", "payload_hash": "", "field_hashes": None}
    for name, value in empty.items():
        field = OPERATIONS.field(name)
        column = pa.array([value] * operations.num_rows, field.type)
        operations = operations.set_column(operations.schema.get_field_index(name), field, column)
    return operations


def is_removal(operations: pa.Table) -> pa.ChunkedArray:
    """Which of the operations remove a customer."""
    return pc.equal(operations["action"], "removed")
