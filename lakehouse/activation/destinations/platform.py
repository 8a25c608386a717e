"""The protocol of a platform that is called over HTTP, and the words it shares with the sender.

A module of a platform says how rows look in a call and what the answers mean. When to call, how often, in what batches,
and what happens after a failure is the sender's business (lakehouse.activation.sending).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from lakehouse.activation.destinations.capabilities import Capabilities
from lakehouse.activation.destinations.destination import Rejection
from lakehouse.messages import said, without_values

# Actions after which a customer, or a former address of one, is no longer in the campaign's audience.
REMOVALS = ("removed", "moved")


class Row(NamedTuple):
    """One customer to upsert or to remove, as it is on record.

    Attributes:
        action: added, changed, removed, or moved: a former address of a customer leaves the audience.
        email: the address to send, of a removal the one that was sent; empty when there is none.
        attributes: name -> value of the fields to send; empty for a removal.
        payload_hash: SHA-256 of the whole payload; empty for a removal.
        is_address_new: whether the platform may not have the address yet.
    """

    customer_id: str
    action: str
    email: str
    attributes: Mapping[str, Any]
    payload_hash: str
    is_address_new: bool = True

    @property
    def is_removal(self) -> bool:
        """Whether the customer, or a former address, leaves the campaign's audience."""
        return self.action in REMOVALS


class Item(NamedTuple):
    """A row as it stands in the body of a call."""

    row: Row
    body: bytes


@dataclass(frozen=True)
class Call:
    """One HTTP call.

    Attributes:
        path: below the account's base URL.
        kind: which of the account's rates it counts against, a key of `Capabilities.rates`.
        is_about_people: whether it writes to people, so that their consent is asked for before it; a GET never does.
    """

    method: str
    path: str
    kind: str
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_about_people: bool = True


@dataclass(frozen=True)
class Answer:
    """An answer below 500 that is neither "too many calls" nor "who are you"."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx; rows may have been refused all the same."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; UnreadableAnswerError when it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise UnreadableAnswerError(f"the answer (HTTP {self.status}) is not JSON") from None


# Makes a call; it raises errors of this project when the platform cannot be reached, or does not know the caller.
Caller = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Outcomes:
    """What became of the rows of a call: those in `rejected` (by position) were not taken, all others were.

    `reference` is the platform's name for the call, if it has one: the id of a job, of a request.
    """

    reference: str
    rejected: Mapping[int, Rejection] = field(default_factory=dict)


class CallRefusedError(Exception):
    """The platform refused a whole call because of its content; nothing of it was applied.

    With one row it is that row's rejection; with more, the sender finds out which row it is.
    """

    def __init__(self, reason: str, is_permanent: bool = True) -> None:
        self.reason = reason
        self.is_permanent = is_permanent
        super().__init__(reason)


class UnreadableAnswerError(Exception):
    """An answer does not say what it should; what became of the rows is not known."""


def as_text(value: Any) -> str:
    """A value for a field that takes texts only: a text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def platform_reason(code: object, text: object) -> str:
    """A platform's code and words for a refusal, as they may be kept: without values that they repeat."""
    words = [said(without_values(str(part)))[:300] for part in (code, text) if part]
    return ": ".join(words) or "no reason given"


class Platform(Protocol):
    """One campaign at one account of a platform.

    An implementation has no call that subscribes anybody, opts anybody in, or lifts a suppression. Delivering the same
    rows twice has the effect of delivering them once.
    """

    capabilities: Capabilities

    def encode(self, row: Row) -> bytes:
        """The row as it stands in the body of a call."""
        ...

    async def deliver(self, items: Sequence[Item], call: Caller) -> Outcomes:
        """Upsert or remove rows (never both in one call), and wait until the platform says what became of them.

        Raises CallRefusedError when the whole call was refused, and what the caller raises.
        """
        ...

    async def is_usable(self, row: Row, call: Caller) -> bool:
        """Whether a send would find the row as it was delivered."""
        ...
