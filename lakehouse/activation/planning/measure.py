"""How large the rows of a plan are as they are sent: the bytes of all payloads, and how a few of them are encoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from lakehouse.activation.payload.changed_fields import RowForm
from lakehouse.activation.planning.estimate import Part
from lakehouse.activation.planning.plan import Plan

_SAMPLE = 100  # rows of each action that are encoded

# The rows of a table with the schema OPERATIONS, as they are sent.
Encode = Callable[[pa.Table], Sequence[bytes]]


def measured(plan: Plan, encode: Encode, form: RowForm) -> tuple[Part, Part]:
    """Removals and upserts that are still to be sent. Payloads are measured in DuckDB; what a destination puts around
    them is measured on a sample."""
    parts = {True: Part(), False: Part()}
    sample = plan.sample(_SAMPLE, form)
    actions = sample["action"].to_pylist()
    for action, (rows, payload_bytes) in plan.sizes(form).items():
        some = sample.filter(pa.array([found == action for found in actions], pa.bool_()))
        encoded = sum(map(len, encode(some)))
        payloads = sum(map(len, some["payload"].to_pylist()))
        size = payload_bytes * encoded // payloads if payloads else rows * encoded // max(1, some.num_rows)
        known = parts[action == "removed"]
        parts[action == "removed"] = Part(known.rows + rows, known.bytes + size)
    return parts[True], parts[False]
