"""What a platform can take and how it answers, as data: the planner and the sender obey it, and nothing else knows
it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lakehouse.activation.destinations.rates import Rate

# unset: the attribute is removed from the person. send: it stays, with an empty value. omit: it is not sent, so that
# the former value stays.
Nulls = Literal["unset", "send", "omit"]


@dataclass(frozen=True)
class Capabilities:
    """The limits and habits of one platform.

    Attributes:
        identity: what it knows people by.
        rows_per_call: most rows of one call.
        bytes_per_call: largest body of a call, in bytes.
        bytes_per_row: largest row, in bytes; a larger one is rejected before it is sent.
        overhead_bytes: what surrounds the rows in a body, at most.
        rates: kind of call -> its rates, all of which hold; shared by everything that uses the account.
        calls_per_body: kind of call -> how many of it bring one body of rows in, at least; kinds are those of `rates`.
        connections: calls at once.
        readiness: when rows can be used in a send. `at_once`: when the call is answered; `job`: when a job has ended;
            `eventually`: some time after the answer, which the platform does not tell.
        is_replay_safe: whether the same call twice has the effect of one, so that it may be repeated when its outcome
            is unknown.
        nulls: what can become of an attribute whose value is empty now, the usual one first.
        keeps_values_of: attributes of its own that it cannot empty.
        keeps_other_fields: whether an upsert of some fields leaves the others as they are, so that it is enough to send
            those that changed.
        wait_headers: headers of an answer that say when to call again.
    """

    identity: Literal["customer_id", "email"]
    rows_per_call: int
    bytes_per_call: int
    bytes_per_row: int
    overhead_bytes: int
    rates: Mapping[str, tuple[Rate, ...]]
    calls_per_body: Mapping[str, int]
    connections: int
    readiness: Literal["at_once", "job", "eventually"]
    is_replay_safe: bool
    nulls: tuple[Nulls, ...]
    keeps_other_fields: bool
    wait_headers: tuple[str, ...] = field(default=("Retry-After",))
    keeps_values_of: frozenset[str] = frozenset()

    def null_policies(self, attribute: str) -> tuple[Nulls, ...]:
        """What can become of an attribute whose value is empty now, the usual one first."""
        return ("omit",) if attribute in self.keeps_values_of else self.nulls
